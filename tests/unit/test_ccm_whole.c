/* SPDX-License-Identifier: Apache-2.0
 *
 * CMTrace records in their usual form are read in one pass. Whatever that pass takes, the general
 * rules (find the end, read attributes in any order, read any form of time) must say the same of:
 * here both read the same records, and records of which a few bytes were changed. The file under
 * test is included, so that its general parts can be called without the quick ones. */
#define cmg_decoder_ccm decoder_under_test
#include "decoders/ccm.c" /* NOLINT(bugprone-suspicious-include): see above */

#include "tests/decoding.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { RECORD_MAX = 640 };

/* What the general rules make of a record, each of them called by its own name. */
static enum cmg_take general(cmg_str record, struct cmg_event *ev)
{
    size_t opener = cmg_ccm_opener(record);
    size_t from = opener == CMG_STR_NPOS ? 0 : opener + MARK_LEN;
    size_t closer = find_closer(record, from);
    struct attributes a = {.seen = 0};
    bool complete;
    if (closer == CMG_STR_NPOS)
        return decode_any(record, ev);
    size_t at = closer + MARK_LEN, end = attributes_end(record, at, &complete);
    ev->message = cmg_str_cut(record, from, closer);
    read_general(cmg_str_cut(record, at + 1, end - complete), &a, ev);
    if (!complete)
        ev->problems |= CMG_P_PARTIAL_TAIL;
    if (cmg_str_trim(cmg_str_from(record, end)).len)
        ev->problems |= CMG_P_TRAILING_TEXT;
    if (opener == CMG_STR_NPOS)
        ev->problems |= CMG_P_PARTIAL_HEAD;
    ev->component = a.value[F_COMPONENT];
    ev->context = a.value[F_CONTEXT];
    read_time(&a, ev);
    read_type(a.value[F_TYPE], ev);
    read_thread(a.value[F_THREAD], ev);
    read_file(a.value[F_FILE], ev);
    return CMG_TAKEN;
}

static bool same_slice(cmg_str a, cmg_str b)
{
    return a.len == b.len && (a.len == 0 || a.ptr == b.ptr);
}

static bool same_event(const struct cmg_event *a, const struct cmg_event *b)
{
    bool same = same_slice(a->message, b->message) && same_slice(a->component, b->component) &&
                same_slice(a->context, b->context) && same_slice(a->source_file, b->source_file) &&
                a->source_line == b->source_line && a->has_thread == b->has_thread &&
                a->thread == b->thread && a->level == b->level && a->time.known == b->time.known &&
                a->time.zoned == b->time.zoned && a->time.offset_min == b->time.offset_min &&
                a->time.ns == b->time.ns && a->problems == b->problems && a->attrs == b->attrs &&
                !a->has_http && !b->has_http;
    for (size_t i = 0; same && i < a->attrs; i++)
        same = cmg_str_eq(a->attr[i].name, b->attr[i].name) &&
               cmg_str_eq(a->attr[i].value, b->attr[i].value);
    return same;
}

/* True: it was in the usual form. */
static bool compare(cmg_str text)
{
    cmg_str record = exact_copy(text);
    struct cmg_event want = empty_event(), got = empty_event(), quick;
    memset(&quick, 0xa5, sizeof quick);
    cr_assert_eq(general(record, &want), decode(NULL, record, &got));
    cr_assert(same_event(&want, &got), "decode: %.*s", (int)text.len, text.ptr);
    bool usual = whole(record, &quick);
    if (usual) {
        struct cmg_cut cut = split(record, 0);
        bool one_line = cmg_str_chr(record, '\n') == CMG_STR_NPOS;
        cr_assert(same_event(&want, &quick), "whole: %.*s", (int)text.len, text.ptr);
        cr_assert(probe(NULL, record));
        cr_assert(!one_line || (cut.verdict == CMG_DONE && cut.end == record.len), "split: %.*s",
                  (int)text.len, text.ptr);
    }
    free((char *)record.ptr);
    return usual;
}

static const char *const messages[] = {
    "m",
    "",
    "Failed to send request to /x at host y, error 0x2efd!",
    "a literal ]LOG]!> inside, and !> and <time=\"1\">",
    "two\nlines\r\nor three",
    "<![LOG[ once more ]LOG",
};
static const char *const times[] = {
    "10:22:50.842-060",  "10:22:50.842+00",  "23:59:59.999+840", "00:00:00.000-841",
    "10:22:50.842+-360", "10:22:50.8422964", "10:22:50.84-060",  "9:22:50.842-060",
    "10:22:50.842+000",  "10:22:50.842",     "10.22.50.842-060", "24:00:00.000-060",
    "10:22:50.842-0060", "10:22:50.842-",    "10:22:5x.842-060", "",
};
static const char *const dates[] = {"11-28-2025", "02-29-2023", "02-29-2024", "1-2-2025",
                                    "13-01-2025", "01-01-1500", "11-28-20x5", ""};
static const char *const files[] = {
    "appprovider.cpp:1702",
    "a.cxx:9",
    "a.h:1",
    "C:\\a.cpp",
    ".cpp:1",
    "a.cpp:12345678901",
    "x.ps1:12",
    "a.cpp:",
    "a long name of a source file.cpp:1",
    "a>b.cpp:1",
    "a.cpp:1 ",
    "",
};
static const char *const threads[] = {"1056", "0", "18446744073709551615", "18446744073709551616",
                                      "x",    ""};
static const char *const types[] = {"1", "0", "2", "3", "4", "12", "x", ""};

#define ANY(table, seed) table[next_random(seed) % (sizeof(table) / sizeof *(table))]

static size_t write_record(uint64_t *seed, char out[RECORD_MAX])
{
    static const char *const components[] = {"CcmExec", "", "PSAppDeployToolkit",
                                             "PolicyAgent_PolicyEvaluator", "a>b"};
    bool usual = next_random(seed) % 2; /* else nearly every one would be odd in some field */
    int n = snprintf(out, RECORD_MAX,
                     "<![LOG[%s]LOG]!><time=\"%s\" date=\"%s\" component=\"%s\" context=\"%s\" "
                     "type=\"%s\" thread=\"%s\" file=\"%s\">",
                     ANY(messages, seed), usual ? times[0] : ANY(times, seed),
                     usual ? dates[0] : ANY(dates, seed), ANY(components, seed),
                     next_random(seed) % 4 ? "" : "NT AUTHORITY\\SYSTEM",
                     usual ? types[0] : ANY(types, seed), usual ? threads[0] : ANY(threads, seed),
                     usual ? files[0] : ANY(files, seed));
    return (size_t)n;
}

/* Changes, removes or doubles one byte. */
static size_t mutate(uint64_t *seed, char *text, size_t n)
{
    static const char bytes[] = "\"\"><=!]: \t\r\n\x01\x1f\x7f\xc3\x00-+.09azT";
    size_t at = next_random(seed) % n;
    if (next_random(seed) % 3 == 0) {
        memmove(text + at, text + at + 1, n - at - 1);
        return n - 1;
    }
    if (next_random(seed) % 3 == 0 && n + 1 < RECORD_MAX) {
        memmove(text + at + 1, text + at, n - at);
        return n + 1;
    }
    text[at] = bytes[next_random(seed) % (sizeof bytes - 1)];
    return n;
}

Test(ccm_whole, says_what_the_general_rules_say)
{
    uint64_t seed = 20261124;
    int usual = 0;
    for (int round = 0; round < 40000; round++) {
        char text[RECORD_MAX];
        usual += compare(cmg_str_of(text, write_record(&seed, text)));
    }
    cr_assert_gt(usual, 39000);
}

Test(ccm_whole, says_so_of_damaged_records_too)
{
    uint64_t seed = 4711;
    int usual = 0;
    for (int round = 0; round < 200000; round++) {
        char text[RECORD_MAX];
        size_t n = write_record(&seed, text);
        for (uint32_t k = 1 + next_random(&seed) % 3; k && n; k--)
            n = mutate(&seed, text, n);
        usual += compare(cmg_str_of(text, n));
    }
    cr_assert(usual > 20000 && usual < 180000, "%d", usual);
}

/* Every byte value at every place of one record. */
Test(ccm_whole, says_so_of_any_byte_anywhere)
{
    char text[RECORD_MAX];
    int n = snprintf(text, sizeof text,
                     "<![LOG[m!]LOG]!><time=\"10:22:50.842-060\" date=\"11-28-2025\" "
                     "component=\"C\" context=\"\" type=\"1\" thread=\"7\" file=\"a.cpp:1\">");
    for (int at = 0; at < n; at++) {
        char was = text[at];
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            compare(cmg_str_of(text, (size_t)n));
        }
        text[at] = was;
    }
    for (int len = 0; len <= n; len++)
        cr_assert_eq(compare(cmg_str_of(text, (size_t)len)), len == n);
}
