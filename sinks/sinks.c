/* SPDX-License-Identifier: Apache-2.0
 * The table of sinks, made from sinks.def. */
#include "sinks/sink.h"

#ifndef CMG_KAFKA
const struct cmg_sink_ops cmg_sink_kafka = {.name = "kafka",
                                            .summary = "not in this build (CMG_KAFKA=OFF)"};
#endif

const struct cmg_sink_ops *const cmg_sinks[] = {
#define CMG_SINK(name) &cmg_sink_##name,
#include "sinks/sinks.def"
#undef CMG_SINK
    NULL,
};

const struct cmg_sink_ops *cmg_sink_find(cmg_str name)
{
    for (size_t i = 0; cmg_sinks[i]; i++)
        if (cmg_str_eq(cmg_str_c(cmg_sinks[i]->name), name))
            return cmg_sinks[i];
    return NULL;
}
