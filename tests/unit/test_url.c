/* SPDX-License-Identifier: Apache-2.0
 * Inputs as people write them. */
#include "sources/url.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    enum cmg_url_kind kind;
    bool tls;
    const char *host, *port, *name;
} good[] = {
    {"syslog+udp://", CMG_URL_UDP, false, "127.0.0.1", "514", "syslog+udp://127.0.0.1:514"},
    {"syslog+tcp://:5514", CMG_URL_SYSLOG, false, "127.0.0.1", "5514",
     "syslog+tcp://127.0.0.1:5514"},
    {"syslog+tcp://0.0.0.0:1/", CMG_URL_SYSLOG, false, "0.0.0.0", "1", "syslog+tcp://0.0.0.0:1"},
    {"syslog+tcp://[::1]:65535?idle=1&frame=256&connections=65536", CMG_URL_SYSLOG, false, "::1",
     "65535", "syslog+tcp://[::1]:65535"},
    {"syslog+tls://h?cert=a&key=b", CMG_URL_SYSLOG, true, "h", "6514", "syslog+tls://h:6514"},
    {"forward://?frame=64M&inflated=1k&shared-key-file=%2Fx", CMG_URL_FORWARD, false, "127.0.0.1",
     "24224", "forward://127.0.0.1:24224"},
    {"forward+tls://?cert=a&key=b&ca=c&verify=required", CMG_URL_FORWARD, true, "127.0.0.1",
     "24224", "forward+tls://127.0.0.1:24224"},
    {"stdin:", CMG_URL_STDIN, false, "", "", ""},
    {"file:/var/log/*.log", CMG_URL_FILE, false, "", "", ""},
    {"just/a/file.log", CMG_URL_FILE, false, "", "", ""},
};

Test(url, good)
{
    struct cmg_url u;
    struct cmg_error e;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(cmg_url_parse(cmg_str_c(good[i].text), &u, &e), CMG_OK, "%s: %s", good[i].text,
                     e.text);
        cr_assert(u.kind == good[i].kind && u.tls == good[i].tls, "%s", good[i].text);
        cr_assert_str_eq(u.host, good[i].host);
        cr_assert_str_eq(u.port, good[i].port);
        cr_assert_str_eq(u.name, good[i].name);
    }
}

Test(url, values)
{
    struct cmg_url u;
    struct cmg_error e;
    cmg_str text = CMG_LIT(
        "forward+tls://?cert=%41b&key=k&ca=c&verify=required&frame=2k&timeout=5&hostname=n");
    cr_assert_eq(cmg_url_parse(text, &u, &e), CMG_OK, "%s", e.text);
    cr_assert_str_eq(u.cert, "Ab");
    cr_assert_str_eq(u.hostname, "n");
    cr_assert(u.verify && u.frame == 2048 && u.timeout_s == 5 && u.idle_s == CMG_URL_IDLE_S);
    cr_assert(u.connections == CMG_URL_CONNECTIONS && u.inflated == CMG_URL_INFLATED);
}

static const char *const bad[] = {
    "syslog://x:1",
    "http://x",
    "syslog+tcp://x:y",
    "syslog+tcp://x:65536",
    "syslog+tcp://[::1:5",
    "syslog+tcp://x:1?cert=a",
    "syslog+udp://x:1?connections=5",
    "syslog+tcp://x:1?shared-key-file=f",
    "syslog+tcp://x:1?frame=255",
    "syslog+tcp://x:1?frame=65M",
    "syslog+tcp://x:1?connections=65537",
    "syslog+tcp://x:1?connections=0",
    "syslog+tcp://x:1?idle=",
    "syslog+tcp://x:1?idle=1x",
    "syslog+tcp://x:1?nonsense=1",
    "syslog+tls://x:1",
    "syslog+tls://x:1?cert=a",
    "syslog+tls://x:1?cert=a&key=b&verify=required",
    "syslog+tls://x:1?cert=a&key=b&verify=maybe",
    "syslog+tls://x:1?cert=%00&key=b",
    "file:",
    "file://",
};

Test(url, bad)
{
    struct cmg_url u;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cmg_error e = {.rc = CMG_OK};
        cr_assert_eq(cmg_url_parse(cmg_str_c(bad[i]), &u, &e), CMG_ECONFIG, "%s", bad[i]);
        cr_assert(e.text[0] && e.rc == CMG_ECONFIG, "%s: nothing is said", bad[i]);
    }
}
