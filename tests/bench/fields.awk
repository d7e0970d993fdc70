# SPDX-License-Identifier: Apache-2.0
# The yardstick that everybody has: mawk takes a CCM record apart into the same fields, looks for 20 words
# with index(), and writes one JSON object. It converts no time, follows no incident and escapes only quotes.
# usage: mawk -f fields.awk FILE
BEGIN {
    n = split("CMGConnector_Clientcertificaterequired|CMGConnector_Forbidden|CMGConnector_Unauthorized|" \
        "CMGConnector_InternalServerError|CMGService_Invalid_Token|CCM_E_BAD_HTTP_STATUS_CODE|" \
        "WINHTTP_CALLBACK_STATUS_SECURE_FAILURE|lpvStatusInformation is|_FLAG_CERT_REV_FAILED is set|" \
        "_FLAG_INVALID_CA is set|_FLAG_CERT_CN_INVALID is set|ERROR_WINHTTP_SECURE_FAILURE|" \
        "ERROR_WINHTTP_TIMEOUT|ERROR_WINHTTP_CANNOT_CONNECT|0x80072f8f|0x87d0027e|IDX10223|" \
        "Filtered cert count with client auth|Failed to build Http connection|RevocationStatusUnknown", word, "|")
}

function attribute(name,    from, rest) {
    from = index(tail, name "=\"")
    if (!from)
        return ""
    rest = substr(tail, from + length(name) + 2)
    return substr(rest, 1, index(rest, "\"") - 1)
}

{
    end = index($0, "]LOG]!>")
    message = substr($0, 8, end - 8)
    tail = substr($0, end + 7)
    class = ""
    for (i = 1; i <= n; i++)
        if (index(message, word[i]))
            class = word[i]
    if (index(message, "\""))
        gsub(/"/, "\\\"", message)
    printf "{\"time\":\"%s\",\"date\":\"%s\",\"component\":\"%s\",\"context\":\"%s\",\"type\":\"%s\"," \
        "\"thread\":\"%s\",\"file\":\"%s\",\"class\":\"%s\",\"message\":\"%s\"}\n", attribute("time"),
        attribute("date"), attribute("component"), attribute("context"), attribute("type"),
        attribute("thread"), attribute("file"), class, message
}
