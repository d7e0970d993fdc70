/* SPDX-License-Identifier: Apache-2.0
 * Error numbers as logs spell them: one code, all its spellings.
 *
 * 0x80072f8f 80072f8f 0X80072F8F -2147012721 2147954575 0x2f8f 12175 are one code. Short spellings
 * (0x2f8f, 12175) count only where the text says that a code comes (Code=, ErrorCode =, error,
 * ...), never in a thread number such as "12175 (0x2F8F)". Rule and sources: catalogue.md 2.6
 * (MS-ERREF 2.1, WinHTTP docs). */
#ifndef CMG_ENRICH_CODES_H
#define CMG_ENRICH_CODES_H

#include "core/str.h"

enum { CMG_CODES_MAX = 8 };

struct cmg_code_hit {
    uint32_t hresult; /* canonical: HRESULT form; 0x80070000|n for a Win32 or WinHTTP number */
    uint32_t at;      /* first byte of the spelling */
};

/* HRESULT of a Win32 number, and back (0 when it is not a Win32 one). */
static inline uint32_t cmg_hresult_of(uint32_t win32)
{
    return win32 && win32 <= 0xffff ? 0x80070000u | win32 : win32;
}
static inline uint32_t cmg_win32_of(uint32_t hresult)
{
    return (hresult & 0xffff0000u) == 0x80070000u ? hresult & 0xffffu : 0;
}

/* Codes in the text, in order, each value once, at most `cap`. Linear; allocates nothing. */
size_t cmg_codes_scan(cmg_str text, struct cmg_code_hit *hits, size_t cap);
/* A code that a person typed: any spelling above, the whole string. False when it is none. */
CMG_MUST_USE bool cmg_code_parse(cmg_str s, uint32_t *ret_hresult);

#endif
