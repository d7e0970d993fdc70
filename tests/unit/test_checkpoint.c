/* SPDX-License-Identifier: Apache-2.0
 * The checkpoint: packed bytes, the text, and the file with its lock. */
#include "sources/checkpoint.h"
#include "sources/packed.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

/* ---- packed bytes -------------------------------------------------------------------------- */

Test(packed, known_texts)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } rows[] = {
        {"", 0, "0"},
        {"\0\0\0", 3, "3"},
        {"\1", 1, "1/0:01"},
        {"\0\0\0\0\xff\1\0\0\0\0\0\0\0\0\0\0", 16, "16/4:ff01"},
        {"a\0\0\0\0\0\0\0b", 9, "9/0:610000000000000062"},
        {"a\0\0\0\0\0\0\0\0b", 10, "10/0:61/9:62"},
        {"\0a", 2, "2/1:61"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_buf out = cmg_buf_init(1000);
        char back[32] = "";
        size_t len = 99;
        cr_assert_eq(cmg_pack(&out, cmg_str_of(rows[i].bytes, rows[i].len)), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), cmg_str_c(rows[i].text)), "row %zu: %.*s", i,
                  (int)out.len, out.ptr);
        cr_assert(cmg_packed_len(cmg_buf_str(&out), rows[i].len, &len) && len == rows[i].len);
        cr_assert(rows[i].len == 0 || !cmg_packed_len(cmg_buf_str(&out), rows[i].len - 1, &len));
        cr_assert(cmg_unpack(cmg_buf_str(&out), back, rows[i].len));
        cr_assert_eq(memcmp(back, rows[i].bytes, rows[i].len), 0, "row %zu", i);
        cmg_buf_done(&out);
    }
}

Test(packed, round_trip_of_random_bytes)
{
    unsigned seed = 7;
    for (size_t n = 0; n < 400; n++) {
        char in[400], back[400];
        for (size_t i = 0; i < n; i++)
            in[i] = rand_r(&seed) % 100 < (int)(n % 101) ? (char)rand_r(&seed) : 0;
        struct cmg_buf out = cmg_buf_init(1 << 16);
        cr_assert_eq(cmg_pack(&out, cmg_str_of(in, n)), CMG_OK);
        memset(back, 0x55, sizeof back);
        cr_assert(cmg_unpack(cmg_buf_str(&out), back, n));
        cr_assert_eq(memcmp(in, back, n), 0);
        cmg_buf_done(&out);
    }
}

Test(packed, refused)
{
    static const char *const rows[] = {
        "",
        "x",
        "016",
        "16/",
        "16/4",
        "16/4:",
        "16/4:f",
        "16/4:f/",
        "16/4:ffx",
        "16/4:gg",
        "16/16:ff",
        "16/15:ff01",
        "16/4:ff/3:ff",
        "16/4:ff/4:ff",
        "17/4:ff",
        "16 /4:ff01",
        "16/04:ff01",
        "16//4:ff",
        "99999999999999999999999",
        "-1",
    };
    char out[16];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_not(cmg_unpack(cmg_str_c(rows[i]), out, sizeof out), "%s", rows[i]);
}

Test(packed, a_full_buffer_stays_as_it_was)
{
    struct cmg_buf out = cmg_buf_init(8);
    cr_assert_eq(cmg_buf_add(&out, CMG_LIT("abc")), CMG_OK);
    cr_assert_eq(cmg_pack(&out, CMG_LIT("\1\2\3\4")), CMG_ELIMIT);
    cr_assert(cmg_str_eq(cmg_buf_str(&out), CMG_LIT("abc")));
    cmg_buf_done(&out);
}

/* ---- the text ------------------------------------------------------------------------------ */

static struct cmg_saved_file model(void)
{
    return (struct cmg_saved_file){.log = CMG_LIT("/var/log/ccm/a\tb%\xc3\xa9.log"),
                                   .name = CMG_LIT("a\tb%\xc3\xa9.lo_"),
                                   .current = false,
                                   .id = {UINT64_MAX, 17, 0x0123456789abcdef, 1024},
                                   .offset = 12345678901,
                                   .size = 12345678902,
                                   .mtime_ns = -5,
                                   .state = CMG_LIT("\0\0\1state\0\0\0\0\0\0\0\0\0\0end")};
}

/* Two files of one log, one of another, and a table. */
static struct cmg_buf example(void)
{
    struct cmg_buf out = cmg_buf_init(1 << 20);
    struct cmg_saved_file a = model(), b = model();
    static char corr[10000];
    b.name = CMG_LIT("");
    b.current = true;
    b.state = (cmg_str){NULL, 0};
    corr[0] = 1;
    corr[4095] = 2;
    corr[9999] = 3;
    bool ok = cmg_saved_begin(&out) == CMG_OK && cmg_saved_log(&out, a.log) == CMG_OK &&
              cmg_saved_file(&out, &a) == CMG_OK && cmg_saved_file(&out, &b) == CMG_OK &&
              cmg_saved_log(&out, CMG_LIT("/x")) == CMG_OK && cmg_saved_file(&out, &b) == CMG_OK &&
              cmg_saved_corr(&out, cmg_str_of(corr, sizeof corr)) == CMG_OK &&
              cmg_saved_end(&out) == CMG_OK;
    cr_assert(ok);
    return out;
}

Test(checkpoint, what_is_written_is_read)
{
    struct cmg_buf text = example();
    struct cmg_saved s;
    struct cmg_error err;
    struct cmg_saved_file m = model();
    char state[64];
    cr_assert_eq(cmg_saved_parse(cmg_buf_str(&text), &s, &err), CMG_OK, "%d: %s", err.line,
                 err.text);
    cr_assert_eq(s.n, 3);
    cr_assert(cmg_str_eq(s.files[0].log, m.log) && cmg_str_eq(s.files[1].log, m.log));
    cr_assert(cmg_str_eq(s.files[2].log, CMG_LIT("/x")));
    cr_assert(cmg_str_eq(s.files[0].name, m.name));
    cr_assert(!s.files[0].current && s.files[1].current);
    cr_assert(s.files[0].id.dev == m.id.dev && s.files[0].id.ino == 17 &&
              s.files[0].id.hash == m.id.hash);
    cr_assert(s.files[0].id.len == 1024 && s.files[0].offset == m.offset &&
              s.files[0].size == m.size);
    cr_assert_eq(s.files[0].mtime_ns, -5);
    cr_assert(cmg_unpack(s.files[0].state, state, m.state.len));
    cr_assert_eq(memcmp(state, m.state.ptr, m.state.len), 0);
    cr_assert_eq(s.files[1].state.len, 0);
    cr_assert_eq(s.files[1].name.len, 0);
    cr_assert_eq(s.corr_len, 10000);
    for (size_t i = 0; i < s.corr_len; i++)
        cr_assert_eq(s.corr[i], i == 0 ? 1 : i == 4095 ? 2 : i == 9999 ? 3 : 0);
    cmg_saved_done(&s);
    cmg_buf_done(&text);
}

Test(checkpoint, it_is_for_people_too)
{
    struct cmg_buf text = example();
    cmg_str s = cmg_buf_str(&text);
    cr_assert(cmg_str_starts(s, CMG_LIT("cmgpipe-checkpoint 1\n")));
    cr_assert_neq(cmg_str_find(s, CMG_LIT("\nlog\tpath=/var/log/ccm/a%09b%25\xc3\xa9.log\n")),
                  CMG_STR_NPOS);
    cr_assert_neq(cmg_str_find(s, CMG_LIT("\toffset=12345678901\t")), CMG_STR_NPOS);
    for (size_t i = 0; i < s.len; i++)
        cr_assert((unsigned char)s.ptr[i] >= ' ' || s.ptr[i] == '\n' || s.ptr[i] == '\t');
    cmg_buf_done(&text);
}

/* Every prefix, and every byte changed: never accepted, whatever the byte. */
Test(checkpoint, torn_or_damaged)
{
    struct cmg_buf text = example();
    struct cmg_saved s;
    struct cmg_error err;
    for (size_t n = 0; n < text.len; n++)
        cr_assert_eq(cmg_saved_parse(cmg_str_head(cmg_buf_str(&text), n), &s, &err), CMG_ECONFIG,
                     "%zu", n);
    for (size_t i = 0; i < text.len; i++) {
        text.ptr[i] ^= 1;
        cr_assert_eq(cmg_saved_parse(cmg_buf_str(&text), &s, &err), CMG_ECONFIG, "%zu", i);
        cr_assert(err.text[0] && err.rc == CMG_ECONFIG);
        text.ptr[i] ^= 1;
    }
    cmg_buf_done(&text);
}

Test(checkpoint, foreign_or_malformed)
{
#define LINE                                                                                       \
    "file\tname=a\tcurrent=yes\tdev=1\tino=2\thead=0123456789abcdef\thead_len=3\toffset=4\tsize="  \
    "5\tmtime=6\tstate="
    static const struct {
        const char *body, *says; /* NULL: good */
        int line;
    } rows[] = {
        {"cmgpipe-checkpoint 1\n", NULL, 0},
        {"cmgpipe-checkpoint 1\n# a comment\n\nlog\tpath=/a\n" LINE "\n", NULL, 0},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\n" LINE "4/1:ff\n", NULL, 0},
        {"", "not a checkpoint", 1},
        {"hello\n", "not a checkpoint", 1},
        {"cmgpipe-checkpoint\n", "not a checkpoint", 1},
        {"cmgpipe-checkpoint 01\n", "not a checkpoint", 1},
        {"cmgpipe-checkpoint 0\n", "version 0", 1},
        {"cmgpipe-checkpoint 2\nwhat=ever\n", "version 2; this program reads version 1", 1},
        {"cmgpipe-checkpoint 1\nlog\tpath=a\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a%00\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a%4\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a%zz\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\tmore=1\n", "malformed log", 2},
        {"cmgpipe-checkpoint 1\nlog /a\n", "unknown kind", 2},
        {"cmgpipe-checkpoint 1\n" LINE "\n", "without a log", 2},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\n" LINE "4/1:ff\tx=1\n", "malformed file", 3},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\n" LINE "65537\n", "malformed file", 3},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\nfile\tname=a/b\tcurrent=yes\n", "malformed file", 3},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\nfile\tname=a\tcurrent=maybe\n", "malformed file", 3},
        {"cmgpipe-checkpoint 1\nlog\tpath=/a\nfile\tcurrent=yes\n", "malformed file", 3},
        {"cmgpipe-checkpoint 1\npage\tat=0\tbytes=1/0:01\n", "malformed page", 2},
        {"cmgpipe-checkpoint 1\ncorr\tsize=0\n", "malformed corr", 2},
        {"cmgpipe-checkpoint 1\ncorr\tsize=67108865\n", "malformed corr", 2},
        {"cmgpipe-checkpoint 1\ncorr\tsize=8\npage\tat=0\tbytes=8/7:01\n", NULL, 0},
        {"cmgpipe-checkpoint 1\ncorr\tsize=8\npage\tat=0\tbytes=9/7:01\n", "malformed page", 3},
        {"cmgpipe-checkpoint 1\ncorr\tsize=8\npage\tat=9\tbytes=0\n", "malformed page", 3},
        {"cmgpipe-checkpoint 1\ncorr\tsize=8\ncorr\tsize=8\n", "malformed corr", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cmg_buf text = cmg_buf_init(1 << 20);
        struct cmg_saved s;
        struct cmg_error err = {0};
        cr_assert_eq(cmg_buf_add(&text, cmg_str_c(rows[i].body)), CMG_OK);
        cr_assert_eq(cmg_saved_end(&text), CMG_OK);
        enum cmg_rc rc = cmg_saved_parse(cmg_buf_str(&text), &s, &err);
        cr_assert_eq(rc, rows[i].says ? CMG_ECONFIG : CMG_OK, "row %zu: %s", i, err.text);
        if (rows[i].says)
            cr_assert(strstr(err.text, rows[i].says) && err.line == rows[i].line, "row %zu: %d: %s",
                      i, err.line, err.text);
        else
            cmg_saved_done(&s);
        cmg_buf_done(&text);
    }
}

Test(checkpoint, state_at_its_cap)
{
    for (int over = -1; over <= 1; over++) {
        struct cmg_saved_file f = model();
        struct cmg_buf text = cmg_buf_init(1 << 20);
        struct cmg_saved s;
        struct cmg_error err;
        int len = CMG_CHECKPOINT_STATE_MAX + over;
        size_t n = (size_t)len;
        char *state = calloc(1, n);
        cr_assert(state);
        f.state = cmg_str_of(state, n);
        cr_assert(cmg_saved_begin(&text) == CMG_OK && cmg_saved_log(&text, f.log) == CMG_OK);
        cr_assert(cmg_saved_file(&text, &f) == CMG_OK && cmg_saved_end(&text) == CMG_OK);
        enum cmg_rc rc = cmg_saved_parse(cmg_buf_str(&text), &s, &err);
        cr_assert_eq(rc, over <= 0 ? CMG_OK : CMG_ECONFIG, "%d", over);
        if (rc == CMG_OK)
            cmg_saved_done(&s);
        cmg_buf_done(&text);
        free(state);
    }
}

Test(checkpoint, files_at_their_cap)
{
    for (int over = -1; over <= 1; over++) {
        struct cmg_saved_file f = model();
        struct cmg_buf text = cmg_buf_init(CMG_CHECKPOINT_MAX);
        struct cmg_saved s;
        struct cmg_error err;
        f.state = (cmg_str){NULL, 0};
        cr_assert(cmg_saved_begin(&text) == CMG_OK && cmg_saved_log(&text, f.log) == CMG_OK);
        for (int i = 0; i < CMG_CHECKPOINT_FILES_MAX + over; i++)
            if (cmg_saved_file(&text, &f) != CMG_OK)
                cr_assert_fail();
        cr_assert_eq(cmg_saved_end(&text), CMG_OK);
        enum cmg_rc rc = cmg_saved_parse(cmg_buf_str(&text), &s, &err);
        cr_assert_eq(rc, over <= 0 ? CMG_OK : CMG_ECONFIG, "%d", over);
        if (rc == CMG_OK)
            cmg_saved_done(&s);
        cmg_buf_done(&text);
    }
}

/* ---- the file ------------------------------------------------------------------------------ */

static char folder[64];

static const char *path_in(const char *name)
{
    static char path[4][128];
    static int i;
    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", folder, name);
    return path[i];
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/cmgpipe-test-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(folder);
}

static size_t count_names(void)
{
    DIR *d = opendir(folder);
    size_t n = 0;
    while (d && readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

Test(checkpoint_file, saved_and_loaded, .init = make_folder, .fini = remove_folder)
{
    static const char *const texts[] = {"one\n", "", "a longer third one\n"};
    struct cmg_error err;
    struct stat st;
    struct cmg_checkpoint *c = cmg_checkpoint_open(path_in("cp"), &err);
    cr_assert(c, "%s %s", err.source, err.text);
    struct cmg_buf out = cmg_buf_init(100);
    cr_assert_eq(cmg_checkpoint_load(c, &out, &err), CMG_AGAIN);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_assert_eq(cmg_checkpoint_save(c, cmg_str_c(texts[i]), &err), CMG_OK);
        out.len = 0;
        cr_assert_eq(cmg_checkpoint_load(c, &out, &err), CMG_OK);
        cr_assert(cmg_str_eq(cmg_buf_str(&out), cmg_str_c(texts[i])));
        cr_assert_eq(count_names(), 2, "the file and its lock, nothing else");
    }
    cr_assert(stat(path_in("cp"), &st) == 0 && (st.st_mode & 0777) == 0600);
    cmg_buf_done(&out);
    cmg_checkpoint_close(c);
}

Test(checkpoint_file, one_process_only, .init = make_folder, .fini = remove_folder)
{
    struct cmg_error err;
    char pid[32];
    struct cmg_checkpoint *c = cmg_checkpoint_open(path_in("cp"), &err);
    cr_assert(c);
    snprintf(pid, sizeof pid, "process %ld;", (long)getpid());
    pid_t child = fork();
    if (child == 0) {
        struct cmg_checkpoint *d = cmg_checkpoint_open(path_in("cp"), &err);
        _exit(!d && err.rc == CMG_ECONFIG && strstr(err.text, pid) && strstr(err.source, "/cp")
                  ? 0
                  : 1);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cmg_checkpoint_close(c);
    c = cmg_checkpoint_open(path_in("cp"), &err);
    cr_assert(c, "the lock ends with its holder: %s", err.text);
    cmg_checkpoint_close(c);
}

Test(checkpoint_file, a_killed_holder_does_not_block, .init = make_folder, .fini = remove_folder)
{
    struct cmg_error err;
    int ready[2], status;
    char byte;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (!cmg_checkpoint_open(path_in("cp"), &err))
            _exit(1);
        byte = 1;
        if (write(ready[1], &byte, 1) != 1)
            _exit(2);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_null(cmg_checkpoint_open(path_in("cp"), &err));
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    struct cmg_checkpoint *c = cmg_checkpoint_open(path_in("cp"), &err);
    cr_assert(c, "%s", err.text);
    cmg_checkpoint_close(c);
    close(ready[0]);
    close(ready[1]);
}

Test(checkpoint_file, what_cannot_be, .init = make_folder, .fini = remove_folder)
{
    struct cmg_error err;
    cr_assert_null(cmg_checkpoint_open(path_in("no/such/folder"), &err));
    cr_assert(err.rc == CMG_EIO && err.text[0]);
    struct cmg_checkpoint *c = cmg_checkpoint_open(path_in("cp"), &err);
    cr_assert(c);
    cr_assert_eq(mkdir(path_in("cp"), 0700), 0); /* a folder in its place */
    struct cmg_buf out = cmg_buf_init(100);
    cr_assert_eq(cmg_checkpoint_load(c, &out, &err), CMG_EIO);
    cr_assert_eq(cmg_checkpoint_save(c, CMG_LIT("x"), &err), CMG_EIO);
    cr_assert_eq(count_names(), 2, "no temporary file is left");
    cr_assert_eq(rmdir(path_in("cp")), 0);
    cr_assert_eq(cmg_checkpoint_save(c, CMG_LIT("more bytes than one may load"), &err), CMG_OK);
    struct cmg_buf small = cmg_buf_init(10);
    cr_assert_eq(cmg_checkpoint_load(c, &small, &err), CMG_ECONFIG);
    cmg_buf_done(&small);
    cmg_buf_done(&out);
    cmg_checkpoint_close(c);
    cmg_checkpoint_close(NULL);
}
