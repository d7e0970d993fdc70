/* SPDX-License-Identifier: Apache-2.0
 * Signals only leave a note; whoever waits in read(2) or write(2) is woken to read it. */
#include "cli/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

/* A signal that comes between a look at `stop` and the system call that then waits would be slept
 * over. So the alarm goes on ringing: every second it interrupts whatever waits. */
static void wake(int sig)
{
    if (sig != SIGALRM)
        stop = 1;
    alarm(1);
}

static void handle(int sig, void (*how)(int), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = how;
    a.sa_flags = flags;
    sigaction(sig, &a, NULL);
}

/* Started in the background of a script, a program inherits SIGINT ignored, and leaves it so. */
static void handle_unless_ignored(int sig)
{
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        handle(sig, wake, (int)SA_RESETHAND);
}

void cmg_signals_install(void)
{
    handle(SIGPIPE, SIG_IGN, 0);
    handle(SIGALRM, wake, 0);
    handle_unless_ignored(SIGINT);
    handle_unless_ignored(SIGTERM);
}

bool cmg_stopping(void)
{
    return stop != 0;
}
