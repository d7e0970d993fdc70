/* SPDX-License-Identifier: Apache-2.0
 * Text encodings of the logs, and nothing but UTF-8 behind this point.
 *
 * Order, per line: byte order mark; else valid UTF-8; else Windows-1252. UTF-16 is
 * the stream's business to recognise, since it decides where a line ends. */
#ifndef CMG_CORE_UTF_H
#define CMG_CORE_UTF_H

#include "core/buf.h"

enum cmg_encoding { CMG_ENC_UTF8, CMG_ENC_CP1252, CMG_ENC_UTF16LE, CMG_ENC_UTF16BE };

/* Length of the longest valid UTF-8 prefix (RFC 3629: no surrogates, nothing above U+10FFFF,
 * shortest forms). ASCII runs at memory speed. */
size_t cmg_utf8_valid(cmg_str s);
/* Bytes at the end of `s` that may be the beginning of a character cut in two: 0 to 3. */
size_t cmg_utf8_cut(cmg_str s);
/* Appends `s` as UTF-8. What has no meaning (the five holes of Windows-1252, lone surrogates, an
 * odd last byte) becomes U+FFFD and is counted in *ret_replaced. For UTF8, every maximal invalid
 * part is one. */
CMG_MUST_USE enum cmg_rc cmg_utf8_from(enum cmg_encoding from, cmg_str s, struct cmg_buf *out,
                                       size_t *ret_replaced);
/* How many input bytes of `enc` the UTF-8 text `s`, made by cmg_utf8_from, was made of. Two things
 * cannot be told from the text: for UTF8 it must not hold replacements, and an odd last byte of
 * UTF-16 counts as a whole unit. */
size_t cmg_utf8_source_len(enum cmg_encoding enc, cmg_str s);

#endif
