/* SPDX-License-Identifier: Apache-2.0
 * Following 500 logs to Kafka: what it costs while nothing happens, and how long a line takes from
 * its log to the topic. The brokers are a mock cluster in this process, or those that are named
 * (with an empty topic "follow" of one partition).
 *
 *     bench_follow PROGRAM [FACTOR [BROKERS]]
 *
 * Fails when a figure is more than FACTOR times what was promised: no measurable CPU (here: 10 ms a
 * second), 48 MiB, 50 ms of linger and 50 more at the 99th percentile. 0: it does not judge. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 500, IDLE_S = 10, LINES = 300, WARM = 20, GIVE_UP_MS = 5000 };
enum { CPU_MS = 10, RSS_KB = 48 * 1024, LATENCY_MS = 100 }; /* promised */

struct bench {
    char dir[64], brokers[256];
    rd_kafka_t *mock_rk, *rk;
    rd_kafka_mock_cluster_t *mock;
    pid_t child;
    double ms[LINES];
};

static void give_up(const struct bench *b, const char *why)
{
    fprintf(stderr, "bench_follow: %s (%s)\n", why, b->dir);
    if (b->child > 0)
        kill(b->child, SIGKILL);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void nap(int ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static void append(const struct bench *b, int file, int number)
{
    char path[128], text[256];
    snprintf(path, sizeof path, "%s/log%03d.log", b->dir, file);
    int n = snprintf(
        text, sizeof text,
        "<![LOG[Line %d of the log]LOG]!><time=\"10:00:%02d.%03d+000\" date=\"03-12-2026\" "
        "component=\"C%d\" context=\"\" type=\"1\" thread=\"1\" file=\"\">\r\n",
        number, number / 1000 % 60, number % 1000, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        give_up(b, "cannot write a log");
    close(fd);
}

static void connect_topic(struct bench *b, const char *brokers)
{
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    if (!brokers) {
        b->mock_rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
        b->mock = b->mock_rk ? rd_kafka_mock_cluster_new(b->mock_rk, 1) : NULL;
        if (!b->mock || rd_kafka_mock_topic_create(b->mock, "follow", 1, 1))
            give_up(b, "no mock cluster");
        brokers = rd_kafka_mock_cluster_bootstraps(b->mock);
    }
    snprintf(b->brokers, sizeof b->brokers, "%s", brokers);
    rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why);
    rd_kafka_conf_set(c, "group.id", "bench", why, sizeof why);
    rd_kafka_conf_set(c, "fetch.wait.max.ms", "2", why, sizeof why);
    b->rk = rd_kafka_new(RD_KAFKA_CONSUMER, c, why, sizeof why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "follow", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (!b->rk || rd_kafka_assign(b->rk, list))
        give_up(b, "no consumer");
    rd_kafka_topic_partition_list_destroy(list);
}

/* Until `n` messages came. */
static bool receive(const struct bench *b, int n)
{
    for (double until = now_ms() + GIVE_UP_MS; n && now_ms() < until;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(b->rk, 100);
        if (!m)
            continue;
        n -= !m->err;
        rd_kafka_message_destroy(m);
    }
    return n == 0;
}

static void start(struct bench *b, const char *program)
{
    char checkpoint[80];
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", b->dir);
    b->child = fork();
    if (b->child == 0) {
        execl(program, program, "-f", "-b", b->brokers, "-t", "follow", "--checkpoint", checkpoint,
              "--log-level", "error", b->dir, (char *)NULL);
        _exit(127);
    }
}

/* Of the 14th and 15th field of /proc/PID/stat, in ms. */
static double cpu_ms(const struct bench *b)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)b->child);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    char *p = n > 0 ? strrchr(text, ')') : NULL;
    for (int field = 2; p && field < 14; field++)
        p = strchr(p + 1, ' ');
    if (!p)
        give_up(b, "the program has gone");
    char *rest;
    unsigned long user = strtoul(p, &rest, 10), system = strtoul(rest, NULL, 10);
    return 1000.0 * (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_kb(const struct bench *b)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)b->child);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static void measure(struct bench *b)
{
    for (int i = -WARM; i < LINES; i++) {
        double begin = now_ms();
        append(b, (i + WARM) % FILES, i + WARM);
        if (!receive(b, 1))
            give_up(b, "a line did not arrive");
        if (i >= 0)
            b->ms[i] = now_ms() - begin;
        nap(i * 7 % 31); /* at all times of a linger */
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool judge(const char *what, double is, double promised, double factor)
{
    if (factor <= 0 || is <= promised * factor)
        return true;
    fprintf(stderr, "bench_follow: %s: %.1f, promised %.1f\n", what, is, promised);
    return false;
}

static void tidy(const struct bench *b)
{
    rd_kafka_consumer_close(b->rk);
    rd_kafka_destroy(b->rk);
    if (b->mock)
        rd_kafka_mock_cluster_destroy(b->mock);
    if (b->mock_rk)
        rd_kafka_destroy(b->mock_rk);
    DIR *d = opendir(b->dir);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    if (rmdir(b->dir) != 0)
        fputs("bench_follow: cannot tidy up\n", stderr);
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc < 2) {
        fputs("usage: bench_follow PROGRAM [FACTOR [BROKERS]]\n", stderr);
        return 2;
    }
    double factor = argc > 2 ? strtod(argv[2], NULL) : 0;
    snprintf(b.dir, sizeof b.dir, "/tmp/cmgpipe-bench-XXXXXX");
    if (!mkdtemp(b.dir))
        give_up(&b, "no folder");
    for (int i = 0; i < FILES; i++)
        append(&b, i, i);
    connect_topic(&b, argc > 3 ? argv[3] : NULL);
    start(&b, argv[1]);
    if (!receive(&b, FILES))
        give_up(&b, "not all logs arrived");
    nap(1000); /* and the checkpoint is saved */
    double cpu = cpu_ms(&b);
    nap(IDLE_S * 1000);
    cpu = (cpu_ms(&b) - cpu) / IDLE_S;
    measure(&b);
    long rss = rss_kb(&b);
    kill(b.child, SIGTERM);
    waitpid(b.child, NULL, 0);
    qsort(b.ms, LINES, sizeof *b.ms, compare);
    double p99 = b.ms[LINES * 99 / 100 - 1];
    printf("%d files: idle %.1f ms of CPU a second, at most %ld KiB; from log to topic, %d lines: "
           "median "
           "%.1f, 99 %% %.1f, worst %.1f ms (linger 50)\n",
           FILES, cpu, rss, LINES, b.ms[LINES / 2], p99, b.ms[LINES - 1]);
    bool good = judge("CPU in ms a second", cpu, CPU_MS, factor);
    good = judge("memory in KiB", (double)rss, RSS_KB, factor > 0 ? 1 : 0) && good;
    good = judge("99th percentile in ms", p99, LATENCY_MS, factor) && good;
    tidy(&b);
    return good ? 0 : 1;
}
