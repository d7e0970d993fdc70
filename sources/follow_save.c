/* SPDX-License-Identifier: Apache-2.0
 * Pictures for the checkpoint, and going on from one.
 *
 * A record's role and incident depend on the table of open incidents, which all logs share, so
 * offsets, decoding states and table must be of one moment. A picture is taken between two turns,
 * when no stream has a record in hand: it is then exact for everything handed out so far. It is
 * written once all of that has arrived. Nothing waits for it: reading goes on, and what is handed
 * out after the picture is repeated after a crash, equal in every field, because decoding starts
 * from the very state that it had. The price is that the checkpoint lags by one interval and one
 * round trip, which is also the bound on repeats. */
#include "core/buf.h"
#include "sources/follow_int.h"

#include "sources/packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the picture --------------------------------------------------------------------------- */

static enum cmg_rc picture_file(struct cmg_buf *out, const struct file *file)
{
    struct cmg_saved_file s = {.name = cmg_str_c(file->name),
                               .current = file->current,
                               .id = file->id,
                               .offset = file->offset,
                               .size = file->size,
                               .mtime_ns = file->mtime_ns,
                               .state = cmg_str_of(file->state, file->state_len)};
    if (file->skim) {
        s.offset = file->skim;
        s.state = (cmg_str){NULL, 0};
    } else if (file->stream) {
        s.offset = cmg_stream_offset(file->stream);
        s.state = cmg_stream_state(file->stream);
    }
    return cmg_saved_file(out, &s);
}

static enum cmg_rc picture_log(struct cmg_buf *out, const struct log *log)
{
    enum cmg_rc rc = CMG_OK;
    bool named = false;
    for (const struct file *file = log->files; file && rc == CMG_OK; file = file->next) {
        if (file->alias)
            continue;
        if (!named)
            rc = cmg_saved_log(out, cmg_str_c(log->path));
        named = true;
        if (rc == CMG_OK)
            rc = picture_file(out, file);
    }
    return rc;
}

static enum cmg_rc picture(const struct cmg_follow *f, struct cmg_buf *out)
{
    out->len = 0;
    enum cmg_rc rc = cmg_saved_begin(out);
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs && rc == CMG_OK; j++)
            rc = picture_log(out, f->folders[i]->logs[j]);
    if (rc == CMG_OK)
        rc = cmg_saved_corr(out, cmg_corr_image(f->o.corr));
    return rc == CMG_OK ? cmg_saved_end(out) : rc;
}

static void take_picture(struct cmg_follow *f)
{
    enum cmg_rc rc = picture(f, &f->picture);
    f->save_at = f->now + f->o.save_ms;
    if (rc != CMG_OK) {
        f->stats.save_errors++;
        if (!f->save_failing)
            cmg_follow_note(f, CMG_LEVEL_ERROR, "the checkpoint cannot be made", f->o.checkpoint,
                            rc == CMG_ELIMIT ? "it would be too large" : "not enough memory");
        f->save_failing = true;
        return;
    }
    f->pictured = true;
    f->picture_at = f->acks.next;
    f->dirty = false;
}

static enum cmg_rc write_picture(struct cmg_follow *f, struct cmg_error *err)
{
    enum cmg_rc rc = cmg_checkpoint_save(f->checkpoint, cmg_buf_str(&f->picture), err);
    int64_t rest = (int64_t)(f->picture.len / CMG_FOLLOW_SAVE_RATE);
    f->save_at = f->now + (rest > (int64_t)f->o.save_ms ? rest : (int64_t)f->o.save_ms);
    if (rc != CMG_OK) {
        f->stats.save_errors++;
        return rc;
    }
    f->stats.saves++;
    f->saved_at = f->picture_at;
    f->pictured = f->save_failing = false;
    return CMG_OK;
}

static bool may_picture(const struct cmg_follow *f)
{
    return !f->pictured && !f->blocked && !f->reliving && !f->starting;
}

void cmg_follow_checkpoint(struct cmg_follow *f)
{
    struct cmg_error err;
    if (!f->checkpoint)
        return;
    if (f->dirty && may_picture(f) && f->now >= f->save_at) {
        take_picture(f);
        f->save_at = f->now;
    }
    if (!f->pictured || f->acks.first < f->picture_at || f->now < f->save_at)
        return;
    if (write_picture(f, &err) == CMG_OK)
        return;
    if (!f->save_failing)
        cmg_follow_note(f, CMG_LEVEL_ERROR, "the checkpoint cannot be written", err.source,
                        err.text);
    f->save_failing = true;
}

enum cmg_rc cmg_follow_save(struct cmg_follow *f, struct cmg_error *reterr)
{
    if (!f->checkpoint)
        return CMG_OK;
    bool all = f->acks.first == f->acks.next && !f->blocked;
    if (all && f->dirty && !f->reliving && !f->starting) {
        f->pictured = false; /* the newer one is as good as written */
        take_picture(f);
    }
    if (f->pictured && f->acks.first >= f->picture_at) {
        enum cmg_rc rc = write_picture(f, reterr);
        if (rc != CMG_OK)
            return rc;
    }
    return all ? CMG_OK : CMG_AGAIN;
}

/* ---- going on ------------------------------------------------------------------------------ */

static enum cmg_rc unpack_state(struct file *file, cmg_str packed)
{
    size_t len = 0;
    if (!packed.len)
        return CMG_OK;
    if (!cmg_packed_len(packed, CMG_CHECKPOINT_STATE_MAX, &len) || !len)
        return CMG_ECONFIG;
    file->state = malloc(len);
    if (!file->state)
        return CMG_ENOMEM;
    file->state_len = len;
    return cmg_unpack(packed, file->state, len) ? CMG_OK : CMG_ECONFIG;
}

static void adopt(struct cmg_follow *f, struct file *file)
{
    for (size_t i = 0; i < f->n_rescued; i++) {
        struct rescued *r = &f->rescued[i];
        if (r->fd < 0 || r->dev != file->id.dev || r->ino != file->id.ino)
            continue;
        file->fd = r->fd;
        f->n_open++;
        r->fd = -1;
    }
}

static struct log *saved_log(struct cmg_follow *f, cmg_str path)
{
    char *folder = cmg_str_dup(path);
    if (!folder)
        return NULL;
    char *slash = strrchr(folder, '/'); /* the parser took nothing but absolute paths */
    char *name = slash + 1;
    struct log *log = NULL;
    struct folder *d;
    *slash = '\0';
    if (*name && strlen(name) < CMG_NAME_SIZE &&
        (d = cmg_folder_get(f, slash == folder ? "/" : folder)))
        log = cmg_log_get(f, d, name);
    free(folder);
    return log;
}

static enum cmg_rc restore_file(struct cmg_follow *f, const struct cmg_saved_file *s)
{
    struct log *log = saved_log(f, s->log);
    struct file *file = log ? cmg_file_add(f, log, NULL) : NULL;
    if (!file)
        return CMG_ENOMEM;
    memcpy(file->name, s->name.ptr, s->name.len);
    file->current = s->current;
    file->id = s->id;
    file->offset = file->fed = s->offset;
    file->size = file->sound_size = s->size;
    file->mtime_ns = file->sound_mtime_ns = s->mtime_ns;
    file->unchecked = true;
    file->done = !s->current && s->offset == s->size;
    adopt(f, file);
    return unpack_state(file, s->state);
}

/* Would a stream of this build take all states? */
static enum cmg_rc try_states(struct cmg_follow *f, bool *ret_fit)
{
    struct cmg_origin o = {.host = f->o.host, .path = CMG_LIT("/")};
    struct cmg_stream *s = cmg_stream_new(f->o.engine, f->o.corr, &o);
    if (!s)
        return CMG_ENOMEM;
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            for (struct file *file = f->folders[i]->logs[j]->files; file; file = file->next)
                if (file->state && !cmg_stream_restore(s, cmg_str_of(file->state, file->state_len)))
                    *ret_fit = false;
    cmg_stream_free(s);
    return CMG_OK;
}

/* The offsets hold for any build, the memory of another one does not. It is made anew by reading
 * what has already arrived once more; nothing of that is handed out. Files that are done are left
 * alone. */
static void relive(struct cmg_follow *f, struct file *file)
{
    free(file->state);
    file->state = NULL;
    file->state_len = 0;
    if (file->done || !file->offset)
        return;
    file->skim = file->offset;
    file->offset = file->fed = 0;
    file->relive = true;
    f->reliving++;
}

static void relive_all(struct cmg_follow *f)
{
    cmg_follow_note(f, CMG_LEVEL_WARNING,
                    "the checkpoint is of another build, logs are decoded again up to it",
                    f->o.checkpoint, "");
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            for (struct file *file = f->folders[i]->logs[j]->files; file; file = file->next)
                relive(f, file);
}

static enum cmg_rc restore(struct cmg_follow *f, const struct cmg_saved *saved)
{
    enum cmg_rc rc = CMG_OK;
    bool fit = true;
    for (size_t i = 0; i < saved->n && rc == CMG_OK; i++)
        rc = restore_file(f, &saved->files[i]);
    if (rc == CMG_OK)
        rc = try_states(f, &fit);
    if (rc != CMG_OK)
        return rc;
    if (!fit ||
        (saved->corr && !cmg_corr_restore(f->o.corr, cmg_str_of(saved->corr, saved->corr_len))))
        relive_all(f);
    return CMG_OK;
}

enum cmg_rc cmg_follow_load(struct cmg_follow *f, struct cmg_error *reterr)
{
    struct cmg_saved saved;
    struct cmg_buf text = cmg_buf_init(CMG_CHECKPOINT_MAX + (1 << 16));
    enum cmg_rc rc = cmg_checkpoint_load(f->checkpoint, &text, reterr);
    if (rc == CMG_OK) {
        rc = cmg_saved_parse(cmg_buf_str(&text), &saved, reterr);
        snprintf(reterr->source, sizeof reterr->source, "%s", f->o.checkpoint);
    }
    cmg_buf_done(&text);
    if (rc != CMG_OK)
        return rc;
    rc = restore(f, &saved);
    cmg_saved_done(&saved);
    if (rc != CMG_OK) {
        *reterr = (struct cmg_error){.rc = rc};
        snprintf(reterr->source, sizeof reterr->source, "%s", f->o.checkpoint);
        snprintf(reterr->text, sizeof reterr->text, "%s",
                 rc == CMG_ENOMEM ? "not enough memory" : "a state in it cannot be read");
    }
    return rc;
}

static void forget_gone(struct cmg_follow *f, struct log *log)
{
    struct stat st;
    for (struct file *file = log->files, *next; file; file = next) {
        char path[8192];
        next = file->next;
        int n = snprintf(path, sizeof path, "%s/%s", log->folder->path, file->name);
        if (!file->name[0] || (n < (int)sizeof path && stat(path, &st) != 0 && errno == ENOENT))
            cmg_file_drop(f, file);
    }
}

void cmg_follow_forget_gone(struct cmg_follow *f)
{
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            if (!f->folders[i]->logs[j]->wanted)
                forget_gone(f, f->folders[i]->logs[j]);
}

/* ---- going back ---------------------------------------------------------------------------- */

static size_t count_deleted(const struct cmg_follow *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            for (const struct file *file = f->folders[i]->logs[j]->files; file; file = file->next)
                n += !file->name[0] && file->fd >= 0;
    return n;
}

/* The handles of deleted files: there is no other way to read those again. */
static enum cmg_rc rescue(struct cmg_follow *f)
{
    size_t n = count_deleted(f);
    f->rescued = calloc(n ? n : 1, sizeof *f->rescued);
    if (!f->rescued)
        return CMG_ENOMEM;
    for (size_t i = 0; i < f->n_folders; i++)
        for (size_t j = 0; j < f->folders[i]->n_logs; j++)
            for (struct file *file = f->folders[i]->logs[j]->files; file; file = file->next) {
                if (file->name[0] || file->fd < 0)
                    continue;
                f->rescued[f->n_rescued++] = (struct rescued){file->id.dev, file->id.ino, file->fd};
                file->fd = -1;
                f->n_open--;
            }
    return CMG_OK;
}

static void end_rescue(struct cmg_follow *f)
{
    for (size_t i = 0; i < f->n_rescued; i++)
        if (f->rescued[i].fd >= 0)
            close(f->rescued[i].fd);
    free(f->rescued);
    f->rescued = NULL;
    f->n_rescued = 0;
}

enum cmg_rc cmg_follow_rewind(struct cmg_follow *f, struct cmg_error *reterr)
{
    *reterr = (struct cmg_error){.rc = CMG_ECONFIG};
    if (!f->checkpoint || !f->stats.saves) {
        snprintf(reterr->text, sizeof reterr->text, "there is no checkpoint to go back to");
        return CMG_ECONFIG;
    }
    if (rescue(f) != CMG_OK)
        return reterr->rc = CMG_ENOMEM;
    cmg_folders_free(f);
    cmg_acks_forget(&f->acks);
    f->saved_at = f->acks.first;
    f->pictured = f->dirty = false;
    f->reliving = 0;
    enum cmg_rc rc = cmg_follow_load(f, reterr);
    end_rescue(f);
    f->starting = true;
    f->sweep_at = f->now;
    f->stats.rewinds++;
    return rc;
}
