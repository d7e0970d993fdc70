/* SPDX-License-Identifier: Apache-2.0
 * Rows copied out of CMTrace or OneTrace, as people paste them into tickets and articles:
 *
 *     text TAB component TAB date time TAB N (0xHEX)
 *
 * The date is in the viewer's locale and names no zone. Web pages turn the tabs into blanks; such a
 * row is taken when both thread numbers agree, and its component is then one word. */
#include "decoders/scan.h"

/* "12/31/2019", "11:59:59", "PM" */
enum { TIME_WORDS = 3 };

struct row {
    cmg_str text, component, stamp;
    struct cmg_thread_column thread;
    struct cmg_civil time;
    bool guessed;
};

static cmg_str trim_blanks(cmg_str s)
{
    while (s.len && cmg_is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static size_t last_word(cmg_str s, size_t end)
{
    while (end && cmg_is_blank(s.ptr[end - 1]))
        end--;
    while (end && !cmg_is_blank(s.ptr[end - 1]))
        end--;
    return end;
}

/* The time at the end of `s`: *s becomes what stands before it. */
static bool take_time(cmg_str *s, struct row *r)
{
    size_t at = s->len;
    for (int i = 0; i < TIME_WORDS && at; i++) {
        at = last_word(*s, at);
        cmg_str t = cmg_str_from(*s, at);
        if (cmg_is_digit(*t.ptr) && cmg_scan_locale_time(&t, &r->time, &r->guessed) && !t.len) {
            r->stamp = cmg_str_from(*s, at);
            s->len = at;
            return true;
        }
    }
    return false;
}

/* Index behind the last tab, 0 when there is none. */
static size_t behind_tab(cmg_str s)
{
    const char *tab = s.len ? memrchr(s.ptr, '\t', s.len) : NULL;
    return tab ? (size_t)(tab - s.ptr) + 1 : 0;
}

/* What stands before the time: text and component. */
static bool take_component(cmg_str s, struct row *r)
{
    size_t tab = behind_tab(s);
    bool tabs = tab && cmg_str_trim(cmg_str_from(s, tab)).len == 0;
    if (tabs)
        s.len = tab - 1;
    else
        s = trim_blanks(s);
    size_t at = tabs ? behind_tab(s) : last_word(s, s.len);
    r->component = cmg_str_trim(cmg_str_from(s, at));
    r->text = trim_blanks(cmg_str_head(s, at));
    return tabs || (r->component.len && r->thread.agree);
}

static bool scan_row(cmg_str line, struct row *r)
{
    if (!cmg_scan_thread_column(line, &r->thread) || r->thread.angle)
        return false;
    cmg_str s = trim_blanks(cmg_str_head(line, r->thread.at));
    return s.len < r->thread.at && take_time(&s, r) && s.len && take_component(s, r);
}

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    struct row r;
    return scan_row(line, &r) && cmg_ccm_opener(line) == CMG_STR_NPOS && !cmg_sms_shape(line) &&
           !cmg_setup_shape(line) && !cmg_is_winevent(line);
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    (void)state;
    struct row r;
    if (!scan_row(record, &r))
        return CMG_NOT_MINE;
    ev->message = r.text;
    ev->component = r.component;
    ev->level = cmg_level_of_words(r.text);
    ev->has_thread = true;
    ev->thread = r.thread.id;
    if (!r.thread.agree)
        ev->problems |= CMG_P_BAD_ATTRIBUTE;
    if (!cmg_event_set_time(ev, &r.time) || r.guessed)
        cmg_event_keep_time(ev, r.stamp);
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_cmtrace_copy = {
    .name = "cmtrace-copy",
    .summary = "rows pasted from CMTrace or OneTrace: text, component, date and time, thread",
    .probe = probe,
    .decode = decode,
};
