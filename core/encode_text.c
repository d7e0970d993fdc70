/* SPDX-License-Identifier: Apache-2.0
 * A record as one line for people:
 *
 *     2026-08-19T14:41:27.113Z ERROR host component[thread] class (role, scope): message
 *
 * Logs are outside text, and the reader is a terminal: whatever could move its cursor, start an
 * escape sequence or turn the reading direction is shown as \xNN or \u{NNNN} instead (C0, DEL, C1,
 * the bidirectional controls of UAX 9, line and paragraph separators, byte order marks, tag
 * characters). */
#include "core/encode.h"
#include "core/json.h"

/* ---- which characters are shown as their number ------------------------------------------- */

/* How long the character with this first byte is. */
static size_t char_len(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static uint32_t decode(const unsigned char *p, size_t len)
{
    uint32_t cp = p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        cp = cp << 6 | (p[i] & 0x3Fu);
    return cp;
}

static bool is_dangerous(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x80, 0x9F},     {0x61C, 0x61C},   {0x200E, 0x200F}, {0x2028, 0x202E},
        {0x2066, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

/* ---- writing ------------------------------------------------------------------------------ */

static char hex_digit(uint32_t v)
{
    return "0123456789ABCDEF"[v & 15];
}

/* "\n", "\x1B" or "\u{202E}". */
static cmg_str show(uint32_t cp, char out[12])
{
    static const char letters[] = "\n\r\t", names[] = "nrt";
    const char *letter = cp ? strchr(letters, (int)cp) : NULL;
    size_t n = 0;
    out[n++] = '\\';
    if (cp < 0x80 && letter) {
        out[n++] = names[letter - letters];
        return cmg_str_of(out, n);
    }
    out[n++] = cp < 0x80 ? 'x' : 'u';
    if (cp >= 0x80)
        out[n++] = '{';
    for (int shift = cp < 0x80 ? 4 : cp < 0x10000 ? 12 : 16; shift >= 0; shift -= 4)
        out[n++] = hex_digit(cp >> shift);
    if (cp >= 0x80)
        out[n++] = '}';
    return cmg_str_of(out, n);
}

/* Must the character at p[0, left) be shown as its number? *ret_len is its length either way. A
 * torn one, which a file name may hold, is shown byte by byte. */
static bool is_shown(const unsigned char *p, size_t left, uint32_t *ret_cp, size_t *ret_len)
{
    *ret_len = char_len(p[0]);
    *ret_cp = p[0];
    if (*ret_len == 1)
        return p[0] < 0x20 || p[0] == 0x7F;
    if (p[0] < 0xC2 || *ret_len > left) {
        *ret_len = 1;
        return true;
    }
    *ret_cp = decode(p, *ret_len);
    return is_dangerous(*ret_cp);
}

static enum cmg_rc put_text(struct cmg_buf *out, cmg_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    enum cmg_rc rc = CMG_OK;
    size_t done = 0, len = 0;
    for (size_t i = 0; i < s.len && rc == CMG_OK; i += len) {
        char shown[12];
        uint32_t cp;
        if (!is_shown(p + i, s.len - i, &cp, &len))
            continue;
        rc = cmg_buf_add(out, cmg_str_cut(s, done, i));
        if (rc == CMG_OK)
            rc = cmg_buf_add(out, show(cp, shown));
        done = i + len;
    }
    return rc == CMG_OK ? cmg_buf_add(out, cmg_str_from(s, done)) : rc;
}

static enum cmg_rc put_number(struct cmg_buf *out, uint64_t v)
{
    char digits[CMG_JSON_U64_MAX];
    return cmg_buf_add(out, cmg_str_of(digits, (size_t)(cmg_json_u64(digits, v) - digits)));
}

/* `before`, the text, `after`; nothing at all when there is no text. */
static enum cmg_rc put_part(struct cmg_buf *out, cmg_str before, cmg_str s, cmg_str after)
{
    enum cmg_rc rc = CMG_OK;
    if (!s.len)
        return rc;
    rc = cmg_buf_add(out, before);
    if (rc == CMG_OK)
        rc = put_text(out, s);
    return rc == CMG_OK ? cmg_buf_add(out, after) : rc;
}

static cmg_str level_name(enum cmg_level level)
{
    static const char *const names[] = {"-", "VERBOSE", "INFO", "WARNING", "ERROR"};
    return cmg_str_c(names[level]);
}

/* ---- the parts of the line ---------------------------------------------------------------- */

static enum cmg_rc put_head(const struct cmg_view *v, const struct cmg_record *r,
                            struct cmg_buf *out)
{
    cmg_str host = r->host.len ? r->host : CMG_LIT("-");
    enum cmg_rc rc = put_part(out, CMG_LIT(""), cmg_str_of(v->time, v->time_len), CMG_LIT(" "));
    if (rc == CMG_OK)
        rc = put_part(out, CMG_LIT(""), level_name(v->judged), CMG_LIT(" "));
    return rc == CMG_OK ? put_text(out, host) : rc;
}

static enum cmg_rc put_writer(const struct cmg_event *e, struct cmg_buf *out)
{
    enum cmg_rc rc = put_part(out, CMG_LIT(" "), e->component, CMG_LIT(""));
    if (rc != CMG_OK || !e->has_thread)
        return rc;
    rc = cmg_buf_add(out, e->component.len ? CMG_LIT("[") : CMG_LIT(" ["));
    if (rc == CMG_OK)
        rc = put_number(out, e->thread);
    return rc == CMG_OK ? cmg_buf_add(out, CMG_LIT("]")) : rc;
}

static enum cmg_rc put_finding(const struct cmg_view *v, const struct cmg_finding *f,
                               struct cmg_buf *out)
{
    enum cmg_rc rc = CMG_OK;
    if (f->entry)
        rc = put_part(out, CMG_LIT(" "), f->entry->slug, CMG_LIT(""));
    if (rc != CMG_OK || f->role == CMG_ROLE_NONE)
        return rc;
    rc = put_part(out, CMG_LIT(" ("), v->role, CMG_LIT(", "));
    return rc == CMG_OK ? put_part(out, CMG_LIT(""), v->scope, CMG_LIT(")")) : rc;
}

static enum cmg_rc put_line(const struct cmg_record *r, struct cmg_buf *out)
{
    struct cmg_view v;
    cmg_view_init(&v, r);
    enum cmg_rc rc = put_head(&v, r, out);
    if (rc == CMG_OK)
        rc = put_writer(&r->event, out);
    if (rc == CMG_OK)
        rc = put_finding(&v, &r->finding, out);
    if (rc == CMG_OK)
        rc = cmg_buf_add(out, CMG_LIT(": "));
    if (rc == CMG_OK)
        rc = put_text(out, v.message.len ? v.message : r->raw);
    return rc == CMG_OK ? cmg_buf_add(out, CMG_LIT("\n")) : rc;
}

enum cmg_rc cmg_record_to_text(const struct cmg_record *r, struct cmg_buf *out)
{
    size_t before = out->len;
    enum cmg_rc rc = put_line(r, out);
    if (rc != CMG_OK)
        out->len = before;
    return rc;
}
