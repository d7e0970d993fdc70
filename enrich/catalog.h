/* SPDX-License-Identifier: Apache-2.0
 * The catalogue at run time: error classes, their rules, remediations, causes and code tables.
 *
 * Knowledge is written as JSON (enrich/catalog/, the schema is schemas/catalog.schema.json), read
 * by cmg_catalog_build() in catalog_load.c (the only file of the product that knows Jansson), and
 * kept as an image: one block of bytes without pointers, compiled into the program by
 * tools/gencatalog.c or written to a file for the Fluent Bit plugin. cmg_catalog_open() checks an
 * image and lays an index over it; every string below is a slice into the image, which must outlive
 * the catalogue. */
#ifndef CMG_ENRICH_CATALOG_H
#define CMG_ENRICH_CATALOG_H

#include "core/buf.h"

enum cmg_confidence { CMG_CONFIDENCE_LOW, CMG_CONFIDENCE_MEDIUM, CMG_CONFIDENCE_HIGH };

/* Caps. A catalogue that passes one does not load (CMG_ELIMIT from an image, CMG_ECONFIG from
 * JSON). */
enum {
    CMG_CATALOG_ENTRIES_MAX = 4096,
    CMG_CATALOG_RULES_MAX = 8192,
    CMG_CATALOG_TOKENS_MAX = 7936, /* leaves room in the matcher for the words of extract.c */
    CMG_CATALOG_REMEDIES_MAX = 4096,
    CMG_CATALOG_CODES_MAX = 16384,
    CMG_CATALOG_MARKS_MAX = 32,
    CMG_CATALOG_IMAGE_MAX = 32 << 20,
    CMG_RULE_TOKENS_MAX = 8,
    CMG_ENTRY_LIST_MAX = 16, /* references, consequences */
};

/* A text in every language; French falls back to English at load time. */
struct cmg_text {
    cmg_str in[CMG_LANGS];
};

struct cmg_strs {
    const cmg_str *at;
    size_t n;
};

struct cmg_remedy {
    cmg_str id;    /* REM-CERT-CLIENTAUTH-EKU */
    cmg_str owner; /* pki, configmgr, network, iis, azure, identity, client */
    struct cmg_text title;
    struct cmg_text steps; /* one step a line */
    struct cmg_strs references;
};

/* A reason inside a class: a flag of the WinHTTP secure-failure callback. */
struct cmg_cause {
    cmg_str id; /* cert-rev-failed */
    uint32_t flag;
    cmg_str symbol; /* WINHTTP_CALLBACK_STATUS_FLAG_CERT_REV_FAILED */
    struct cmg_text title, text;
    const struct cmg_remedy *remedy[CMG_REMEDIES_MAX];
    size_t remedies;
};

enum cmg_code_table {
    CMG_TABLE_WINHTTP,
    CMG_TABLE_HRESULT,
    CMG_TABLE_BITS,
    CMG_TABLE_IIS,
    CMG_TABLE_HTTP,
    CMG_TABLE_AADSTS,
    CMG_TABLE_SCHANNEL,
    CMG_TABLE_ALERT,
    CMG_TABLES
};

/* A row of a code table. `value`: WINHTTP, HRESULT and BITS as HRESULT; IIS as status * 1000 +
 * substatus; the others as the number:
 * SCHANNEL is the id of an event, ALERT what AlertDesc of such an event holds. */
struct cmg_code {
    enum cmg_code_table table;
    uint32_t value;
    cmg_str symbol;
    struct cmg_text meaning;
};

/* An error class. */
struct cmg_entry {
    cmg_str id;     /* rule.id: CMG-A01 */
    cmg_str slug;   /* error.type, rule.name */
    cmg_str family; /* http, token, tls, connection-point, server, client, network */
    enum cmg_level severity;
    enum cmg_scope scope; /* UNKNOWN: by evidence */
    enum cmg_confidence confidence;
    uint32_t code; /* the HRESULT that stands for it, 0 for none */
    int32_t rank;  /* among findings on one line the highest wins; candidates below primaries */
    struct cmg_text title, cause;
    struct cmg_strs references;
    const struct cmg_remedy *remedy[CMG_REMEDIES_MAX];
    size_t remedies;
    bool consequence_of_any;        /* any primary of the same key explains it */
    struct cmg_strs consequence_of; /* slugs; a trailing * stands for any ending */
};

/* One way to recognise a class in one record. All conditions that are set must hold. */
struct cmg_rule {
    const struct cmg_entry *entry;
    enum cmg_role role; /* PRIMARY, CANDIDATE; EVIDENCE: only joins an open incident of its class;
                           NONE ("context"): only sets a mark */
    const uint32_t *token; /* indices into tokens: all must occur */
    size_t tokens;
    const uint32_t *absent; /* tokens that must not occur */
    size_t absents;
    cmg_str status_text;       /* CMGConnector_Forbidden, or CMGConnector_* ; empty: any */
    int32_t status, substatus; /* HTTP status and IIS sub-status of the record; -1: any */
    uint32_t code;             /* HRESULT in the text, any spelling; 0: any */
    cmg_str decoder;           /* name; empty: any */
    cmg_str provider;          /* of a Windows event; empty: any */
    uint32_t event;            /* its id; 0: any */
    cmg_str data;              /* "NAME=VALUE": an attribute of the record; empty: any */
    enum cmg_level level;      /* of the record, at least; NONE: any */
    uint32_t flags;            /* callback flags that the record stands for, see cmg_cause */
    bool open;                 /* an incident of this class must be open under the key */
    uint32_t seen;             /* bits of marks that must be set under the key: bit i is mark[i] */
    uint32_t sets;             /* marks it sets under the key */
    uint32_t clears;           /* marks it clears */
};

struct cmg_catalog {
    const struct cmg_entry *entry;
    size_t entries;
    const struct cmg_rule *rule;
    size_t rules;
    const cmg_str *token; /* every token of every rule, once */
    size_t tokens;
    const struct cmg_remedy *remedy;
    size_t remedies;
    const struct cmg_cause *cause; /* sorted by flag */
    size_t causes;
    const struct cmg_code *code; /* sorted by table, then value */
    size_t codes;
    const cmg_str *mark; /* names of the marks; only overlays need them */
    size_t marks;
    cmg_str version;
};

/* Checks every offset and count of an image and indexes it. NULL and *reterr when it is not a sound
 * image of this version. The image must stay; it is outside bytes when it comes from a file. */
CMG_MUST_USE struct cmg_catalog *cmg_catalog_open(const void *image, size_t len,
                                                  struct cmg_error *reterr);
void cmg_catalog_free(struct cmg_catalog *c);

/* The built-in image (generated). */
cmg_str cmg_catalog_builtin(void);

const struct cmg_entry *cmg_catalog_entry(const struct cmg_catalog *c,
                                          cmg_str slug_or_id); /* ignores case */
const struct cmg_remedy *cmg_catalog_remedy(const struct cmg_catalog *c, cmg_str id);
const struct cmg_code *cmg_catalog_code(const struct cmg_catalog *c, enum cmg_code_table t,
                                        uint32_t value);

/* catalog_load.c: reads JSON files (each a file or a folder of *.json) in order and builds an
 * image. A later entry, remedy, cause or code with the same id replaces the earlier. `base` (may be
 * empty) is an image to start from. *reterr: file, line, column, and the entry's id in the text. */
CMG_MUST_USE enum cmg_rc cmg_catalog_build(cmg_str base, const char *const *paths, size_t n,
                                           struct cmg_buf *ret_image, struct cmg_error *reterr);

#endif
