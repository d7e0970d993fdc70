/* SPDX-License-Identifier: Apache-2.0
 * Hosts that lack what the filter needs: refused, with a word where there is somebody to hear it.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>

typedef int init_fn(void *ins, void *config, void *data);

struct plugin {
    int event_type, flags;
    char *name, *description;
    void *config_map, *pre_run;
    init_fn *init;
};

static char said[512];

void flb_log_print(int level, const char *file, int line, const char *format, ...);

/* All that this host has. */
__attribute__((visibility("default"))) void flb_log_print(int level, const char *file, int line,
                                                          const char *format, ...)
{
    va_list args;
    (void)level, (void)file, (void)line;
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
}

Test(no_host, is_refused)
{
    void *handle = dlopen(CMG_PLUGIN_FOLDER "/flb-filter_cmgpipe.so", RTLD_NOW | RTLD_LOCAL);
    cr_assert(handle, "%s", dlerror());
    struct plugin plugin;
    const void *symbol = dlsym(handle, "filter_cmgpipe_plugin");
    cr_assert(symbol);
    memcpy(&plugin, symbol, sizeof plugin);
    cr_expect_eq(plugin.init(NULL, NULL, NULL), -1);
    cr_expect(strstr(said, "flb_filter_get_property"), "%s", said);
    cr_expect(strstr(said, "2.2 or later"), "%s", said);
    dlclose(handle);
}
