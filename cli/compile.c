/* SPDX-License-Identifier: Apache-2.0
 * cmgpipe compile: the catalogue with overlays, as the plugins load it. They have no JSON reader,
 * so that they need no library that their host lacks. */
#include "cli/commands.h"
#include "cli/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int refuse(const char *text)
{
    struct cmg_error e = {.rc = CMG_ECONFIG};
    snprintf(e.text, sizeof e.text, "%s", text);
    cmg_complain(&e);
    return CMG_EXIT_USAGE;
}

static int write_all(cmg_str image)
{
    while (image.len) {
        ssize_t n = write(STDOUT_FILENO, image.ptr, image.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            cmg_log(CMG_LOG_ERROR, "cannot write the catalogue", "error", strerror(errno), NULL);
            return CMG_EXIT_IO;
        }
        image = cmg_str_from(image, (size_t)n);
    }
    return CMG_EXIT_OK;
}

int cmg_command_compile(const struct cmg_settings *s, const struct cmg_setup *u)
{
    struct cmg_error e;
    struct cmg_buf image = cmg_buf_init(CMG_CATALOG_IMAGE_MAX);
    cmg_str base = u->image.len ? cmg_buf_str(&u->image) : cmg_catalog_builtin();
    if (isatty(STDOUT_FILENO))
        return refuse(
            "a compiled catalogue is not for a terminal: cmgpipe compile FILE > NAME.cat");
    int status = CMG_EXIT_USAGE;
    if (cmg_catalog_build(base, s->args, s->n_args, &image, &e) == CMG_OK)
        status = write_all(cmg_buf_str(&image));
    else
        cmg_complain(&e);
    cmg_buf_done(&image);
    return status;
}
