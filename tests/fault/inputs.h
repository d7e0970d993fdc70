/* SPDX-License-Identifier: Apache-2.0
 * Logs for the memory tests: the example logs of the repository, and lines that take the other
 * paths. */
#ifndef CMG_TESTS_FAULT_INPUTS_H
#define CMG_TESTS_FAULT_INPUTS_H

#include "core/str.h"

#include <stdio.h>
#include <stdlib.h>

enum { INPUTS = 8, INPUT_MAX = 64 << 10 };

static const char *const input_names[INPUTS] = {
    "CCM_STS.log",    "CcmMessaging.log", "LocationServices.log", "SMS_Cloud_ProxyConnector.log",
    "u_ex260312.log", "events.json",      "events.xml",           "odd.log"};

/* Windows-1252, NULs, a torn head and a torn tail, plain text, a copy out of the viewer, a
 * promotion. */
static const char odd[] =
    "ing file]LOG]!><time=\"08:00:00.000-60\" date=\"03-12-2026\" component=\"a\" context=\"\" "
    "type=\"1\" "
    "thread=\"1\" file=\"a.cpp:1\">\r\n"
    "<![LOG[Benutzer M\xfcller]LOG]!><time=\"08:00:01.000-60\" date=\"03-12-2026\" component=\"a\" "
    "context=\"\" "
    "type=\"1\" thread=\"1\" file=\"a.cpp:1\">\r\n"
    "a line of no format with \x81 and \x9f\r\n"
    "Text\tLocationServices\t3/12/2026 8:00:02 AM\t1234 (0x04D2)\r\n"
    "<![LOG[GetDPLocations failed with error 0x87d0027e]LOG]!><time=\"08:00:03.000-60\" "
    "date=\"03-12-2026\" "
    "component=\"b\" context=\"\" type=\"3\" thread=\"2\" file=\"b.cpp:1\">\r\n"
    "<![LOG[much later]LOG]!><time=\"09:00:03.000-60\" date=\"03-12-2026\" component=\"b\" "
    "context=\"\" "
    "type=\"1\" thread=\"2\" file=\"b.cpp:1\">\r\n"
    "<![LOG[never closed\r\n";

/* Events: on one line and on several, texts with entities, a character that XML does not know,
 * names of all kinds, one that is no XML. */
static const char events[] =
    "<?xml version=\"1.0\"?>\r\n<Events>\r\n"
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider "
    "Name='Schannel' Guid='{1f678132-5938-4686-9fdc-c8ff68f15c85}'/><EventID>36887</EventID>"
    "<Level>2</Level><TimeCreated SystemTime='2026-03-12T07:00:00.1234567Z'/><Execution "
    "ProcessID='920' ThreadID='3296'/><Channel>System</Channel><Computer>SRV1.contoso.example"
    "</Computer></System><EventData><Data Name='AlertDesc'>48 &lt;&amp;&gt;</Data></EventData>"
    "<RenderingInfo Culture='en-US'><Message>A fatal alert was received: &quot;48&quot;.\r\n"
    "Second line.</Message></RenderingInfo></Event>\r\n"
    "<Event><System><EventID>11</EventID></System><UserData><A xmlns='x'><B value='80092013' "
    "c='d'>text</B></A></UserData></Event><Event><EventData><Data>nul &#x0;</Data></EventData>"
    "</Event>\r\n<Event><System></Event>\r\n<Event><EventData><Data>never closed\r\n"
    "</Events>\r\n";

/* The other ways of writing events. */
static const char other_events[] =
    "{\"@timestamp\":\"2026-03-12T07:12:40.1Z\",\"winlog\":{\"event_id\":36887,\"provider_name\":"
    "\"Schannel\",\"event_data\":{\"AlertDesc\":\"48\"}},\"message\":\"alert "
    "\\\"48\\\"\\r\\n\\u00e9\"}\r\n"
    "{\"EventID\":1,\"SourceName\":\"x\",\"StringInserts\":[\"a\",\"\\ud800\"]}\r\n"
    "{\"System\":\"<Event><System><EventID>1</EventID></System></Event>\",\"Message\":\"m\"}\r\n"
    "{\"System\":\"<Event><a></Event>\"}\r\n"
    "Index, Event Name, Type, Event ID\r\n"
    "E, T, 1, 0, 0, 4, 0, 0, 0x0, 1, 2, 0, , , {00000000-0000-0000-0000-000000000000}, , "
    "134180935601234567, 0, 0, \"a \"\"b\"\"\r\nc\", d\r\n";

static inline cmg_str input_load(size_t i)
{
    static char text[INPUTS][INPUT_MAX];
    char path[512];
    if (i == INPUTS - 1)
        return cmg_str_of(odd, sizeof odd - 1);
    if (i == INPUTS - 2)
        return cmg_str_of(events, sizeof events - 1);
    if (i == INPUTS - 3)
        return cmg_str_of(other_events, sizeof other_events - 1);
    snprintf(path, sizeof path, CMG_SOURCE_DIR "/examples/logs/%s", input_names[i]);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t n = fread(text[i], 1, INPUT_MAX, f);
    fclose(f);
    return cmg_str_of(text[i], n);
}

static inline int64_t input_clock(void *user)
{
    (void)user;
    return INT64_C(1790000000) * 1000000000;
}

#endif
