/* SPDX-License-Identifier: Apache-2.0
 * Traces in XML, as tracerpt writes them: events as in winevent-xml, with the processor and its
 * times in <Execution> and an <ExtendedTracingInfo>. What no manifest explains is there as
 * <DebugData> or as hexadecimal digits (<BinaryEventData>), and is kept as text.
 *
 * Their first lines are those of any other event, so winevent-xml frames them, and its `kind` names
 * this decoder once the record is whole. */
#include "decoders/winevent.h"

static bool probe(const void *state, cmg_str line)
{
    (void)state;
    (void)line;
    return false;
}

const struct cmg_decoder cmg_decoder_etw_xml = {
    .name = "etw-xml",
    .summary = "Windows traces (ETW) in XML, as tracerpt writes them",
    .probe = probe,
    .split = cmg_winevent_xml_split,
    .decode_in = cmg_winevent_xml_decode,
};
