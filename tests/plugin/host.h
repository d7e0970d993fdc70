/* SPDX-License-Identifier: Apache-2.0
 * A host for the plugins, as far as they can tell: the functions that a Fluent Bit exports, its
 * properties, and chunks. What it hands over has exactly the size that the oldest host gives. */
#ifndef CMG_TESTS_PLUGIN_HOST_H
#define CMG_TESTS_PLUGIN_HOST_H

#include "core/buf.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* ---- properties and words -------------------------------------------------------------------- */

/* name, value, name, value, ..., NULL; of the instance that is being started. */
static const char *const *properties;
static char said[8192];

static inline const char *host_property(const char *name)
{
    for (size_t i = 0; properties && properties[i]; i += 2)
        if (strcmp(properties[i], name) == 0)
            return properties[i + 1];
    return NULL;
}

static inline void host_say(const char *format, va_list args)
{
    size_t n = strlen(said);
    vsnprintf(said + n, sizeof said - n, format, args);
    n = strlen(said);
    snprintf(said + n, sizeof said - n, "\n");
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static inline void put_bytes(struct cmg_buf *b, const void *bytes, size_t n)
{
    cr_assert(cmg_buf_add(b, cmg_str_of(bytes, n)) == CMG_OK);
}

static inline void put_byte(struct cmg_buf *b, unsigned byte)
{
    put_bytes(b, &(unsigned char){(unsigned char)byte}, 1);
}

/* Always the widest head, as an encoder that knows no sizes in advance writes it. */
static inline void put_text(struct cmg_buf *b, const char *s)
{
    size_t n = strlen(s);
    put_byte(b, 0xDB);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(b, (unsigned)(n >> shift) & 0xFF);
    put_bytes(b, s, n);
}

/* Fluent Bit's EventTime: extension type 0, seconds and nanoseconds, big-endian. */
static inline void put_time(struct cmg_buf *b, uint32_t seconds, uint32_t ns)
{
    put_byte(b, 0xD7);
    put_byte(b, 0);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(b, seconds >> shift & 0xFF);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(b, ns >> shift & 0xFF);
}

enum { SECONDS = 1790000000 };

/* [[time, {}], {key: value, ...}]; pairs end with NULL. */
static inline void put_event(struct cmg_buf *b, const char *const *pairs)
{
    unsigned n = 0;
    while (pairs[2 * n])
        n++;
    put_byte(b, 0x92);
    put_byte(b, 0x92);
    put_time(b, SECONDS, 5);
    put_byte(b, 0x80);
    put_byte(b, 0x80 | n);
    for (unsigned i = 0; i < 2 * n; i++)
        put_text(b, pairs[i]);
}

#define EVENT(b, ...) put_event(b, (const char *const[]){__VA_ARGS__, NULL})

/* ---- a small stack --------------------------------------------------------------------------- */

/* Fluent Bit runs callbacks on stacks of 24 KiB. A sanitizer's frames are several times as large
 * and its shadow does not know other stacks: there the call is a plain one. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static inline void on_small_stack(void (*call)(void))
{
    call();
}
#else
static ucontext_t outside, inside;

static inline void on_small_stack(void (*call)(void))
{
    enum { STACK = 24 << 10, PAGE = 4096 };
    char *at = mmap(NULL, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(at != MAP_FAILED);
    cr_assert_eq(mprotect(at, PAGE, PROT_NONE), 0); /* one step too far ends the test */
    getcontext(&inside);
    inside.uc_stack.ss_sp = at + PAGE;
    inside.uc_stack.ss_size = STACK;
    inside.uc_link = &outside;
    makecontext(&inside, call, 0);
    swapcontext(&outside, &inside);
    munmap(at, STACK + PAGE);
}
#endif

/* ---- logs ------------------------------------------------------------------------------------ */

#define CCM(text, second)                                                                          \
    "<![LOG[" text "]LOG]!><time=\"10:00:" second ".000+000\" date=\"03-04-2026\" "                \
    "component=\"LocationServices\" context=\"\" type=\"1\" thread=\"7\" file=\"a.cpp:1\">"
#define BAD_STATUS(second)                                                                         \
    CCM("[CCMHTTP] ERROR: URL=https://cmg.contoso.example/CCM_Proxy_MutualAuth/72/SMS_MP/"         \
        ".sms_aut?MPLIST, Port=443, Options=31, Code=0, Text=CCM_E_BAD_HTTP_STATUS_CODE",          \
        second)
#define FORBIDDEN(second)                                                                          \
    CCM("[CCMHTTP] ERROR INFO: StatusCode=403 StatusText=CMGConnector_Forbidden", second)

#endif
