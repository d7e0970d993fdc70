# SPDX-License-Identifier: Apache-2.0
# A catalogue of made-up error classes to lay over the built-in one, for measuring what entries cost. Their
# words are those of any log, so that the matcher cannot tell them apart by a rare letter.
# usage: awk -v n=2000 -f entries.awk > overlay.json
function pick(list, size) {
    seed = (seed * 16807) % 2147483647
    return list[1 + seed % size]
}

BEGIN {
    seed = 20260312
    verbs = split("refresh|resolve|register|publish|compile|download|replicate|validate|enumerate|provision|" \
        "synchronise|authorise", verb, "|")
    kinds = split("relay|tenant|boundary|policy|inventory|driver|package|signing|schedule|deployment|content|" \
        "distribution|location|discovery|compliance|metering|collection|registration|gateway|connector", kind, "|")
    things = split("profile|assignment|certificate|manifest|signature|endpoint|document|thumbprint|session|" \
        "request|template|instance|database|namespace|checkpoint|identity|catalogue|revision|descriptor|queue",
        thing, "|")
    print "{\"format\": 1, \"remediations\": [{\"id\": \"REM-BENCH\", \"owner\": \"client\","
    print "  \"title\": {\"en\": \"Measure\"}, \"steps\": {\"en\": [\"Measure again\"]}}],"
    print " \"classes\": ["
    for (i = 1; i <= n; i++) {
        do
            text = "could not " pick(verb, verbs) " the " pick(kind, kinds) " " pick(thing, things)
        while (text in used)
        used[text] = 1
        printf "  {\"id\": \"BENCH-%04d\", \"slug\": \"bench-%04d\", \"family\": \"client\", ", i, i
        printf "\"severity\": \"error\", \"scope\": \"by-evidence\", \"confidence\": \"low\", \"rank\": 100,\n"
        printf "   \"title\": {\"en\": \"Bench %d\"}, \"cause\": {\"en\": \"None\"}, ", i
        printf "\"remediations\": [\"REM-BENCH\"],\n"
        printf "   \"rules\": [{\"role\": \"primary\", \"tokens\": [\"%s\"]}],\n", text
        printf "   \"examples\": [{\"lines\": [\"%s\"], \"role\": \"primary\", \"scope\": \"unknown\"}],\n", text
        printf "   \"counter_examples\": [{\"lines\": [\"could %s\"]}]}%s\n", i, i < n ? "," : ""
    }
    print "]}"
}
