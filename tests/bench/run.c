/* SPDX-License-Identifier: Apache-2.0
 * Runs a program with its output thrown away, and prints what it took: seconds by the clock,
 * seconds of processor time (user and system), and the largest resident set in KiB.
 *
 *     bench_run PROGRAM [ARGUMENT...] */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void become(char **argv)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
        execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_run PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0)
        become(argv + 1);
    int status;
    struct rusage use;
    if (child < 0 || wait4(child, &status, 0, &use) != child) {
        perror("bench_run");
        return 1;
    }
    printf("%.3f %.3f %ld\n", now() - start, seconds_of(use.ru_utime) + seconds_of(use.ru_stime),
           use.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
