/* SPDX-License-Identifier: Apache-2.0
 * What ConfigMgr's set-up programs write: the time first, neither component column nor thread.
 *
 *     <MM-DD-YYYY HH:MM:SS> text                       ComRegSetup, PerfSetup, smstsvc, ExtADSch
 *     <Sun Feb 26 19:54:46 2023> text                  MPSetup, ConnectorSetup: rolesetup
 *     2/26/2023 7:52:49 PM: Source Verbose: 1 : text   .NET TraceSource: the set-up wizard
 *
 * There is no published description of the first two; all three were measured on real logs. The
 * first two are opened anew for every line, so that each begins with a byte order mark, which the
 * stream removes. Times are of the machine's clock and name no zone. TraceSource writes `source
 * level: id : text` (.NET, TraceListener.WriteHeader); the time in front is the wizard's own, in
 * its user's locale. */
#include "decoders/scan.h"

enum { STAMP_MAX = 40, LEVEL_MAX = 16 };

/* "<time> " at the beginning. */
static bool scan_head(cmg_str line, cmg_str *ret_stamp, cmg_str *ret_text)
{
    cmg_str s = line;
    struct cmg_civil c;
    struct cmg_clock clock;
    if (!cmg_scan_char(&s, '<'))
        return false;
    size_t n = cmg_str_chr(cmg_str_head(s, STAMP_MAX + 1), '>');
    if (n == CMG_STR_NPOS)
        return false;
    cmg_str stamp = cmg_str_head(s, n), rest = stamp;
    bool numbers =
        cmg_scan_mdy(&rest, &c) && cmg_scan_blanks(&rest) && cmg_scan_clock(rest, &clock);
    if (!numbers && !cmg_scan_ctime(&rest, &c))
        return false;
    s = cmg_str_from(s, n + 1);
    if (s.len && !cmg_is_blank(s.ptr[0]))
        return false;
    *ret_stamp = stamp;
    *ret_text = cmg_str_trim(s);
    return true;
}

struct trace {
    struct cmg_civil time;
    bool guessed;
    cmg_str stamp, source, level, id, text;
};

/* "2/26/2023 7:52:49 PM: ConfigMgrSetupWizard Verbose: 1 : text" */
static bool scan_trace(cmg_str line, struct trace *ret)
{
    cmg_str s = line;
    struct trace t;
    if (!line.len || !cmg_is_digit(line.ptr[0]) || !cmg_scan_locale_time(&s, &t.time, &t.guessed))
        return false;
    t.stamp = cmg_str_head(line, line.len - s.len);
    if (!cmg_scan_lit(&s, CMG_LIT(": ")))
        return false;
    t.source = cmg_str_head(s, cmg_str_chr(s, ' '));
    s = cmg_str_from(s, t.source.len + 1);
    t.level = cmg_str_head(s, cmg_str_chr(s, ':'));
    s = cmg_str_from(s, t.level.len);
    if (!t.source.len || !t.level.len || t.level.len > LEVEL_MAX ||
        !cmg_scan_lit(&s, CMG_LIT(": ")))
        return false;
    t.id = cmg_str_head(s, cmg_count_digits(s));
    s = cmg_str_from(s, t.id.len);
    if (!t.id.len || !cmg_scan_lit(&s, CMG_LIT(" :")))
        return false;
    cmg_scan_char(&s, ' ');
    t.text = s;
    *ret = t;
    return true;
}

bool cmg_setup_shape(cmg_str line)
{
    struct trace t;
    cmg_str a, b;
    return scan_head(line, &a, &b) || scan_trace(line, &t);
}

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    return cmg_setup_shape(line) && !cmg_sms_tail(line) &&
           (cmg_has_thread_column(line) || !cmg_ccm_inside(line));
}

/* TraceEventType's names; the activity ones (Start, Stop, Transfer) are no severity. */
static enum cmg_level level_of_trace(cmg_str v)
{
    static const struct {
        cmg_str name;
        enum cmg_level level;
    } levels[] = {{CMG_LIT("Verbose"), CMG_LEVEL_VERBOSE},
                  {CMG_LIT("Information"), CMG_LEVEL_INFO},
                  {CMG_LIT("Warning"), CMG_LEVEL_WARNING},
                  {CMG_LIT("Error"), CMG_LEVEL_ERROR},
                  {CMG_LIT("Critical"), CMG_LEVEL_ERROR}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (cmg_str_eq(v, levels[i].name))
            return levels[i].level;
    return CMG_LEVEL_NONE;
}

static void decode_trace(const struct trace *t, struct cmg_event *ev)
{
    ev->message = t->text;
    ev->component = t->source;
    ev->level = level_of_trace(t->level);
    cmg_event_keep(ev, CMG_LIT("trace.id"), t->id);
    if (!cmg_event_set_time(ev, &t->time) || t->guessed)
        cmg_event_keep_time(ev, t->stamp);
}

static enum cmg_take decode(void *state, cmg_str record, struct cmg_event *ev)
{
    (void)state;
    struct trace trace;
    cmg_str stamp, text;
    if (scan_head(record, &stamp, &text)) {
        ev->message = text;
        ev->level = cmg_level_of_words(text);
        cmg_sms_read_time(stamp, ev);
    } else if (scan_trace(record, &trace)) {
        decode_trace(&trace, ev);
    } else {
        return CMG_NOT_MINE;
    }
    return CMG_TAKEN;
}

const struct cmg_decoder cmg_decoder_setup = {
    .name = "setup",
    .summary =
        "lines that begin with <MM-DD-YYYY HH:MM:SS> or a .NET trace: ConfigMgr's set-up programs",
    .probe = probe,
    .decode = decode,
};
