-- The stock way to classify: twenty plain searches, the last that is found wins.
local words = {
    "CMGConnector_Clientcertificaterequired", "CMGConnector_Forbidden", "CMGConnector_Unauthorized",
    "CMGConnector_InternalServerError", "CMGService_Invalid_Token", "CCM_E_BAD_HTTP_STATUS_CODE",
    "WINHTTP_CALLBACK_STATUS_SECURE_FAILURE", "lpvStatusInformation is", "_FLAG_CERT_REV_FAILED is set",
    "_FLAG_INVALID_CA is set", "_FLAG_CERT_CN_INVALID is set", "ERROR_WINHTTP_SECURE_FAILURE",
    "ERROR_WINHTTP_TIMEOUT", "ERROR_WINHTTP_CANNOT_CONNECT", "0x80072f8f", "0x87d0027e", "IDX10223",
    "Filtered cert count with client auth", "Failed to build Http connection", "RevocationStatusUnknown",
}

function classify(tag, timestamp, record)
    local message = record["message"]
    if not message then
        return 0, 0, 0
    end
    local class
    for i = 1, #words do
        if string.find(message, words[i], 1, true) then
            class = words[i]
        end
    end
    if not class then
        return 0, 0, 0
    end
    record["class"] = class
    return 2, 0, record
end
