/* SPDX-License-Identifier: Apache-2.0
 * Signals only leave a note; whoever waits in read(2) or write(2) is woken to read it. */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop, reload;
static int bell[2] = {-1, -1}; /* a pipe; never full, because one byte in it is enough */

static void ring(void)
{
    int error = errno;
    if (bell[1] >= 0)
        (void)!write(bell[1], "", 1);
    errno = error;
}

static void handle(int sig, void (*how)(int), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = how;
    a.sa_flags = flags;
    sigaction(sig, &a, NULL);
}

static void wake(int sig);

/* Unless it was ignored all along. */
static void let_go(int sig)
{
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == wake)
        handle(sig, SIG_DFL, 0);
}

/* A signal that comes between a look at `stop` and the system call that then waits would be slept
 * over. So the alarm goes on ringing: every second it interrupts whatever waits. The second request
 * to stop is not ours any more. */
static void wake(int sig)
{
    if (sig != SIGALRM) {
        stop = 1;
        let_go(SIGINT);
        let_go(SIGTERM);
    }
    ring();
    alarm(1);
}

static void hang_up(int sig)
{
    (void)sig;
    reload = 1;
    ring();
}

/* Started in the background of a script, a program inherits SIGINT ignored, and leaves it so. */
static void handle_unless_ignored(int sig, void (*how)(int), int flags)
{
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        handle(sig, how, flags);
}

void cmg_signals_install(void)
{
    handle(SIGPIPE, SIG_IGN, 0);
    handle(SIGALRM, wake, 0);
    handle_unless_ignored(SIGINT, wake, 0);
    handle_unless_ignored(SIGTERM, wake, 0);
}

bool cmg_stopping(void)
{
    return stop != 0;
}

void cmg_signals_follow(void)
{
    if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0)
        bell[0] = bell[1] = -1; /* the alarm is left */
    handle_unless_ignored(SIGHUP, hang_up, SA_RESTART);
}

int cmg_signals_fd(void)
{
    return bell[0];
}

bool cmg_signals_take(void)
{
    char bytes[64];
    while (bell[0] >= 0 && read(bell[0], bytes, sizeof bytes) > 0)
        ;
    bool asked = reload != 0;
    reload = 0;
    return asked;
}
