/* SPDX-License-Identifier: Apache-2.0
 * A page on standard output. */
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/term.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

int cmg_show(struct cmg_page *p)
{
    signal(SIGPIPE, SIG_IGN);
    enum cmg_rc rc = cmg_page_write(p, STDOUT_FILENO);
    int error = errno;
    cmg_page_done(p);
    if (rc == CMG_OK || (rc == CMG_EIO && error == EPIPE))
        return CMG_EXIT_OK;
    cmg_log(CMG_LOG_ERROR, "cannot write", "error",
            rc == CMG_EIO ? strerror(error) : "out of memory", NULL);
    return CMG_EXIT_IO;
}
