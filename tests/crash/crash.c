/* SPDX-License-Identifier: Apache-2.0
 * Logs that grow and rotate as ConfigMgr's do, a cmgpipe that follows them and is killed (-9) again
 * and again, and the question what has arrived: every line, each always with the same id and the
 * same bytes, and nothing else.
 *
 *     crash PROGRAM file|kafka|BROKERS KILLS SEED
 *
 * file: standard output goes to a file. kafka: to a mock cluster in this process. Else to the topic
 * "crash-SEED" of those brokers, which is new or empty and has four partitions. What is destroyed
 * for good (a deleted log, an overwritten .lo_) is destroyed only after its lines were seen at the
 * other end: nobody could promise more. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOGS = 3,
    OLD_MAX = 8,
    LINES_MAX = 2000000,
    ID_SIZE = 45,
    PARTITIONS = 4,
    LINE_MAX = 4096,
    OUT_MAX = 1 << 20,
    /* A run of LONG_MS that is killed has saved what was seen SURE_MS before. Shorter ones may not:
     * a checkpoint is saved each second, and a file that vanished while nobody looked is given as
     * long to come back. */
    LONG_MS = 7000,
    SURE_MS = 5000,
    LATE_MS = 2000, /* what the run before sent may still be on its way through a broker */
    PATIENCE_MS = 60000,
    END_MS =
        3000, /* it gives a vanished file some time to come back before it reads the next one */
};

/* A range of lines in one file; `first` > `last`: none. */
struct range {
    int first, last;
};

struct old {
    char path[256];
    struct range lines;
};

struct log {
    char path[256], lo[256];
    int fd;
    struct range lines, in_lo;
    struct old old[OLD_MAX];
    size_t n_old;
};

struct line {
    char id[ID_SIZE];
    uint64_t hash;
    int64_t first_ms, last_ms;
    int times, run;
};

struct world {
    const char *program, *target;
    char dir[64], logs[80], checkpoint[96], out[96], err[96];
    unsigned short seed[3];
    struct log log[LOGS];
    struct line *line;
    int written, missing; /* missing: of those written */
    pid_t child;
    int run, stamp;
    int64_t start_ms; /* of the present run */
    int64_t sure_ms;  /* what was seen before is in the checkpoint */
    int out_fd;
    char *text; /* of the output, the line that is not whole yet */
    size_t len;
    rd_kafka_t *mock_rk, *rk;
    rd_kafka_mock_cluster_t *mock;
    char brokers[256], topic[32];
    int64_t next_offset[PARTITIONS];
    long repeats, torn, rotations[5];
};

/* ---- small things -------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show_err(const struct world *w)
{
    char text[4096];
    int fd = open(w->err, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text, from);
    if (n > 0)
        fprintf(stderr, "--- the end of its log:\n%.*s", (int)n, text);
}

static void fail(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("crash: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n(run %d, %d lines written, everything is in %s)\n", w->run, w->written,
            w->dir);
    va_end(args);
    show_err(w);
    if (w->child > 0)
        kill(w->child, SIGKILL);
    exit(1);
}

static int roll(struct world *w, int n)
{
    return (int)(nrand48(w->seed) % n);
}

static void nap(int ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h;
}

/* ---- what arrives -------------------------------------------------------------------------- */

static bool copy_id(const char *json, size_t n, char ret[ID_SIZE])
{
    static const char mark[] = "\"event\":{\"id\":\"";
    const char *at = memmem(json, n, mark, sizeof mark - 1);
    if (!at || (size_t)(json + n - at) < sizeof mark - 1 + ID_SIZE)
        return false;
    memcpy(ret, at + sizeof mark - 1, ID_SIZE - 1);
    ret[ID_SIZE - 1] = '\0';
    return true;
}

/* "Line 17 begins ... line 17 ends": whole, or it is not a line of ours. */
static int number_of(const char *json, size_t n)
{
    char end[40];
    const char *at = memmem(json, n, "Line ", 5);
    int k = 0;
    for (const char *p = at ? at + 5 : NULL; p && *p >= '0' && *p <= '9'; p++)
        k = 10 * k + (*p - '0'); /* a quote ends the text */
    int len = snprintf(end, sizeof end, "line %d ends]LOG]!>", k);
    return at && memmem(json, n, end, (size_t)len) ? k : -1;
}

static void check_repeat(struct world *w, struct line *l, int k, const char *id, uint64_t hash)
{
    if (strcmp(l->id, id) != 0)
        fail(w, "line %d came as %s and as %s", k, l->id, id);
    if (l->hash != hash)
        fail(w, "line %d came twice and not the same", k);
    if (l->run == w->run && l->last_ms > w->start_ms + LATE_MS)
        fail(w, "line %d came twice in one run", k);
    if (l->first_ms < w->sure_ms)
        fail(w, "line %d came again, which a checkpoint must have known", k);
    w->repeats++;
}

static void arrived(struct world *w, const char *json, size_t n)
{
    char id[ID_SIZE];
    if (!n)
        return;
    if (json[0] != '{' || json[n - 1] != '}') { /* killed within a write to the file */
        w->torn++;
        return;
    }
    int k = number_of(json, n);
    if (k < 0 || k >= w->written || !copy_id(json, n, id))
        fail(w, "this is no whole line: %.*s", (int)(n < 1500 ? n : 1500), json);
    struct line *l = &w->line[k];
    uint64_t hash = hash_of(json, n);
    if (l->times++) {
        check_repeat(w, l, k, id, hash);
    } else {
        memcpy(l->id, id, sizeof id);
        l->hash = hash;
        l->first_ms = now_ms();
        w->missing--;
    }
    l->run = w->run;
    l->last_ms = now_ms();
}

static void look_into_file(struct world *w)
{
    for (;;) {
        ssize_t n = read(w->out_fd, w->text + w->len, OUT_MAX - w->len);
        if (n <= 0)
            return;
        w->len += (size_t)n;
        char *from = w->text, *end;
        while ((end = memchr(from, '\n', w->len - (size_t)(from - w->text)))) {
            arrived(w, from, (size_t)(end - from));
            from = end + 1;
        }
        w->len -= (size_t)(from - w->text);
        memmove(w->text, from, w->len);
        if (w->len == OUT_MAX)
            fail(w, "a line of the output has no end");
    }
}

static void look_into_topic(struct world *w, int ms)
{
    rd_kafka_message_t *m;
    for (; (m = rd_kafka_consumer_poll(w->rk, ms)); ms = 0) {
        if (!m->err) {
            if (w->mock && m->offset != w->next_offset[m->partition])
                fail(w, "the mock cluster forgot messages: it cannot judge");
            w->next_offset[m->partition] = m->offset + 1;
            arrived(w, m->payload, m->len);
        }
        rd_kafka_message_destroy(m);
    }
}

/* What came, and what comes within a moment. */
static void look(struct world *w, int ms)
{
    if (w->rk) {
        look_into_topic(w, ms);
        return;
    }
    nap(ms);
    look_into_file(w);
}

/* Until nothing came for that long. */
static void look_until_quiet(struct world *w, int ms)
{
    long seen = -1;
    while (seen != w->repeats - w->missing) {
        seen = w->repeats - w->missing;
        look(w, ms);
    }
}

static bool all_seen(const struct world *w, const struct range *r)
{
    for (int i = r->first; i <= r->last; i++)
        if (w->line[i].first_ms == 0)
            return false;
    return true;
}

/* ---- what is written ----------------------------------------------------------------------- */

static const struct range none = {0, -1};

static void open_log(struct world *w, struct log *l)
{
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (l->fd < 0)
        fail(w, "%s: %s", l->path, strerror(errno));
    l->lines = none;
}

static void put(struct world *w, const struct log *l, const char *text, size_t n)
{
    if (write(l->fd, text, n) != (ssize_t)n)
        fail(w, "%s: %s", l->path, strerror(errno));
}

/* One in ten goes over two lines, one in twenty comes in two pieces. All lines of one log lie
 * between those of others, so a range of a log holds lines that are not in it: the caller keeps
 * runs of one log together. */
static void put_line(struct world *w, struct log *l)
{
    char text[LINE_MAX];
    time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    int k = w->written;
    if (k >= LINES_MAX)
        fail(w, "too many lines");
    size_t n = (size_t)snprintf(
        text, sizeof text,
        "<![LOG[Line %d begins%s with %x in it, line %d "
        "ends]LOG]!><time=\"%02d:%02d:%02d.%03d+000\" "
        "date=\"%02d-%02d-%04d\" component=\"Crash\" context=\"\" type=\"1\" thread=\"%d\" "
        "file=\"crash.cpp:%d\">\r\n",
        k, roll(w, 10) ? "" : "\r\n and goes on", (unsigned)k * 2654435761u, k, t.tm_hour, t.tm_min,
        t.tm_sec, k % 1000, t.tm_mon + 1, t.tm_mday, t.tm_year + 1900, 100 + roll(w, 5), k % 97);
    size_t cut = roll(w, 20) ? n : (size_t)roll(w, (int)n);
    w->written++;
    w->missing++;
    put(w, l, text, cut);
    if (cut < n) {
        nap(roll(w, 20));
        put(w, l, text + cut, n - cut);
    }
}

static void put_lines(struct world *w)
{
    struct log *l = &w->log[roll(w, LOGS)];
    int n = 1 + roll(w, 12);
    /* A gap in a log's range would name lines of another log: seen is seen, so it is only later. */
    if (l->lines.last < l->lines.first)
        l->lines.first = w->written;
    for (int i = 0; i < n; i++)
        put_line(w, l);
    l->lines.last = w->written - 1;
}

static void copy_file(struct world *w, const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t n = 1;
    while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n)
            break;
    if (in < 0 || out < 0 || n != 0)
        fail(w, "cannot copy %s", from);
    close(in);
    close(out);
}

/* Old generations whose lines were all seen go away, as an administrator would delete them. */
static void prune(const struct world *w, struct log *l)
{
    for (size_t i = 0; i < l->n_old; i++)
        if (all_seen(w, &l->old[i].lines)) {
            unlink(l->old[i].path);
            l->old[i--] = l->old[--l->n_old];
        }
}

static bool stamp_away(struct world *w, struct log *l)
{
    prune(w, l);
    if (l->n_old == OLD_MAX)
        return false;
    struct old *o = &l->old[l->n_old++];
    int k = w->stamp++;
    char base[sizeof l->path];
    memcpy(base, l->path, sizeof base);
    base[strlen(base) - 4] = '\0'; /* .log */
    snprintf(o->path, sizeof o->path, "%.220s-%08d-%02d%02d%02d.log", base, 20260101 + k / 86400,
             k / 3600 % 24, k / 60 % 60, k % 60);
    o->lines = l->lines;
    close(l->fd);
    if (rename(l->path, o->path) != 0)
        fail(w, "%s: %s", o->path, strerror(errno));
    open_log(w, l);
    return true;
}

static bool rename_to_lo(struct world *w, struct log *l)
{
    if (!all_seen(w, &l->in_lo))
        return false;
    close(l->fd);
    if (rename(l->path, l->lo) != 0)
        fail(w, "%s: %s", l->lo, strerror(errno));
    l->in_lo = l->lines;
    open_log(w, l);
    return true;
}

static bool copy_and_empty(struct world *w, struct log *l)
{
    if (!all_seen(w, &l->in_lo))
        return false;
    copy_file(w, l->path, l->lo);
    if (ftruncate(l->fd, 0) != 0)
        fail(w, "%s: %s", l->path, strerror(errno));
    l->in_lo = l->lines;
    l->lines = none;
    return true;
}

static bool delete_and_make(struct world *w, struct log *l)
{
    if (!all_seen(w, &l->lines))
        return false;
    close(l->fd);
    unlink(l->path);
    open_log(w, l);
    return true;
}

static bool empty_only(struct world *w, struct log *l)
{
    if (!all_seen(w, &l->lines))
        return false;
    l->lines = none;
    return ftruncate(l->fd, 0) == 0;
}

static void rotate(struct world *w)
{
    static bool (*const forms[])(struct world *, struct log *) = {
        stamp_away, rename_to_lo, copy_and_empty, delete_and_make, empty_only};
    struct log *l = &w->log[roll(w, LOGS)];
    int form = roll(w, 5);
    if (l->lines.last >= l->lines.first)
        w->rotations[form] += forms[form](w, l);
}

static void scribble(struct world *w)
{
    if (roll(w, 25) == 0)
        rotate(w);
    else
        put_lines(w);
    look(w, roll(w, 15));
}

/* ---- the program --------------------------------------------------------------------------- */

static void become(const struct world *w, bool poll)
{
    const char *argv[16];
    size_t n = 0;
    argv[n++] = w->program;
    argv[n++] = "-f";
    argv[n++] = "--checkpoint";
    argv[n++] = w->checkpoint;
    if (w->rk) {
        argv[n++] = "-b";
        argv[n++] = w->brokers;
        argv[n++] = "-t";
        argv[n++] = w->topic;
    }
    if (poll)
        argv[n++] = "--poll";
    argv[n++] = w->logs;
    argv[n] = NULL;
    int out = open(w->out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int err = open(w->err, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    execv(w->program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void start(struct world *w)
{
    bool poll = roll(w, 5) == 0;
    look(w, 0);
    w->run++;
    w->start_ms = now_ms();
    w->child = fork();
    if (w->child == 0)
        become(w, poll);
    if (w->child < 0)
        fail(w, "fork: %s", strerror(errno));
}

static void must_live(struct world *w)
{
    int status;
    if (waitpid(w->child, &status, WNOHANG) == 0)
        return;
    w->child = 0;
    fail(w, "it ended by itself, with status %d", status);
}

/* What it did before its end may still be on its way to us. */
static void murder(struct world *w)
{
    kill(w->child, SIGKILL);
    waitpid(w->child, NULL, 0);
    w->child = 0;
    if (now_ms() - w->start_ms >= LONG_MS)
        w->sure_ms = now_ms() - SURE_MS;
    look_until_quiet(w, w->rk ? 200 : 1);
}

static void stop(struct world *w)
{
    int status = 0;
    look_until_quiet(w, 500); /* it must have got as far as to know the signal */
    kill(w->child, SIGTERM);
    waitpid(w->child, &status, 0);
    w->child = 0;
    if (status != 0)
        fail(w, "SIGTERM ended it with status %d", status);
    look_until_quiet(w, 200);
}

static void live(struct world *w, int ms, bool child)
{
    for (int64_t until = now_ms() + ms; now_ms() < until;) {
        scribble(w);
        if (child)
            must_live(w);
    }
}

/* ---- a test -------------------------------------------------------------------------------- */

/* Until it has seen the end of every partition, which are empty. */
static void wait_for_consumer(struct world *w)
{
    int ends = 0;
    for (int64_t until = now_ms() + PATIENCE_MS; ends < PARTITIONS && now_ms() < until;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(w->rk, 100);
        if (!m)
            continue;
        if (!m->err)
            fail(w, "the topic %s is not empty", w->topic);
        ends += m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(m);
    }
    if (ends < PARTITIONS)
        fail(w, "the topic %s needs %d partitions", w->topic, PARTITIONS);
}

static void open_topic(struct world *w)
{
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    bool mock = strcmp(w->target, "kafka") == 0;
    if (mock) {
        w->mock_rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
        w->mock = w->mock_rk ? rd_kafka_mock_cluster_new(w->mock_rk, 1) : NULL;
        if (!w->mock || rd_kafka_mock_topic_create(w->mock, w->topic, PARTITIONS, 1))
            fail(w, "no mock cluster");
    }
    snprintf(w->brokers, sizeof w->brokers, "%s",
             mock ? rd_kafka_mock_cluster_bootstraps(w->mock) : w->target);
    rd_kafka_conf_set(c, "bootstrap.servers", w->brokers, why, sizeof why);
    rd_kafka_conf_set(c, "group.id", "crash", why, sizeof why);
    rd_kafka_conf_set(c, "allow.auto.create.topics", "true", why, sizeof why);
    rd_kafka_conf_set(c, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_conf_set(c, "fetch.wait.max.ms", "10", why, sizeof why);
    w->rk = rd_kafka_new(RD_KAFKA_CONSUMER, c, why, sizeof why);
    if (!w->rk)
        fail(w, "no consumer: %s", why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, w->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(w->rk, list))
        fail(w, "the topic %s needs %d partitions", w->topic, PARTITIONS);
    rd_kafka_topic_partition_list_destroy(list);
    wait_for_consumer(w);
}

static void prepare(struct world *w)
{
    static const char *const names[LOGS] = {"CcmMessaging", "LocationServices", "PolicyAgent"};
    snprintf(w->dir, sizeof w->dir, "/tmp/cmgpipe-crash-XXXXXX");
    if (!mkdtemp(w->dir))
        fail(w, "no folder");
    snprintf(w->logs, sizeof w->logs, "%s/logs", w->dir);
    snprintf(w->checkpoint, sizeof w->checkpoint, "%s/checkpoint", w->dir);
    snprintf(w->out, sizeof w->out, "%s/out", w->dir);
    snprintf(w->err, sizeof w->err, "%s/err", w->dir);
    mkdir(w->logs, 0755);
    w->out_fd = open(w->out, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    w->line = calloc(LINES_MAX, sizeof *w->line);
    w->text = malloc(OUT_MAX);
    if (w->out_fd < 0 || !w->line || !w->text)
        fail(w, "no memory");
    for (int i = 0; i < LOGS; i++) {
        struct log *l = &w->log[i];
        snprintf(l->path, sizeof l->path, "%s/%s.log", w->logs, names[i]);
        snprintf(l->lo, sizeof l->lo, "%s/%s.lo_", w->logs, names[i]);
        l->in_lo = none;
        open_log(w, l);
    }
    if (strcmp(w->target, "file") != 0)
        open_topic(w);
}

static int lifetime(struct world *w)
{
    int kind = roll(w, 10);
    if (kind == 0)
        return LONG_MS;
    return kind < 4 ? roll(w, 100) : 200 + roll(w, 2000);
}

static void expect_all(struct world *w)
{
    for (int64_t until = now_ms() + PATIENCE_MS; w->missing && now_ms() < until;) {
        look(w, 50);
        must_live(w);
    }
    for (int i = 0; i < w->written; i++)
        if (!w->line[i].times)
            fail(w, "line %d never came, and %d others", i, w->missing - 1);
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    if (rmdir(path) != 0)
        fprintf(stderr, "crash: cannot remove %s\n", path);
}

static void clean(struct world *w)
{
    if (w->rk) {
        rd_kafka_consumer_close(w->rk);
        rd_kafka_destroy(w->rk);
    }
    if (w->mock)
        rd_kafka_mock_cluster_destroy(w->mock);
    if (w->mock_rk)
        rd_kafka_destroy(w->mock_rk);
    remove_folder(w->logs);
    remove_folder(w->dir);
    free(w->line);
    free(w->text);
}

int main(int argc, char **argv)
{
    static struct world w;
    if (argc != 5) {
        fputs("usage: crash PROGRAM file|kafka|BROKERS KILLS SEED\n", stderr);
        return 2;
    }
    w.program = argv[1];
    w.target = argv[2];
    int kills = (int)strtol(argv[3], NULL, 10), seed = (int)strtol(argv[4], NULL, 10);
    w.seed[0] = (unsigned short)seed;
    snprintf(w.topic, sizeof w.topic, "crash-%d", seed);
    prepare(&w);
    for (int i = 0; i < kills; i++) {
        start(&w);
        live(&w, lifetime(&w), true);
        murder(&w);
        live(&w, roll(&w, 3) ? 0 : roll(&w, 300), false);
    }
    start(&w);
    expect_all(&w);
    look_until_quiet(&w, END_MS);
    stop(&w);
    long repeats = w.repeats;
    start(&w); /* after an orderly end nothing comes again */
    look_until_quiet(&w, 1000);
    stop(&w);
    if (w.repeats != repeats)
        fail(&w, "%ld lines came again after an orderly end", w.repeats - repeats);
    printf("crash: %s, seed %d: %d kills, %d lines, all arrived; %ld repeats (the same bytes), %ld "
           "torn "
           "output lines; rotations: %ld dated, %ld .lo_, %ld copied, %ld deleted, %ld emptied\n",
           w.target, seed, kills, w.written, repeats, w.torn, w.rotations[0], w.rotations[1],
           w.rotations[2], w.rotations[3], w.rotations[4]);
    clean(&w);
    return 0;
}
