/* SPDX-License-Identifier: Apache-2.0
 * As much of JSON Schema 2020-12 as schemas/record.schema.json uses, over Jansson. A keyword that
 * is not known here is an error, so that nothing in the schema goes unchecked by accident;
 * `pattern`, `format` and `anyOf` (which only holds formats) are for other validators. */
#ifndef CMG_TESTS_JSON_SCHEMA_H
#define CMG_TESTS_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct schema_fault {
    char where[200], text[200];
};

static bool schema_check(const json_t *schema, const json_t *v, const char *where,
                         struct schema_fault *ret);

static bool schema_fail(struct schema_fault *ret, const char *where, const char *text,
                        const char *what)
{
    snprintf(ret->where, sizeof ret->where, "%s", where);
    snprintf(ret->text, sizeof ret->text, "%s %s", text, what);
    return false;
}

static bool schema_type(const char *name, const json_t *v)
{
    static const char *const names[] = {"object", "array",   "string",  "integer",
                                        "number", "boolean", "boolean", "null"};
    return strcmp(name, names[json_typeof(v)]) == 0;
}

static bool schema_listed(const json_t *list, const json_t *v)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), v))
            return true;
    return false;
}

static bool schema_unique(const json_t *v)
{
    for (size_t i = 0; i < json_array_size(v); i++)
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(v, i), json_array_get(v, k)))
                return false;
    return true;
}

static bool schema_member(const json_t *schema, const char *key, const json_t *v, const char *where,
                          struct schema_fault *ret)
{
    const json_t *named = json_object_get(json_object_get(schema, "properties"), key);
    const json_t *other = json_object_get(schema, "additionalProperties");
    char inner[200];
    snprintf(inner, sizeof inner, "%.150s%s%.40s", where, *where ? "." : "", key);
    if (named)
        return schema_check(named, v, inner, ret);
    if (json_is_false(other))
        return schema_fail(ret, inner, "is not in the schema", "");
    return !other || schema_check(other, v, inner, ret);
}

static bool schema_members(const json_t *schema, const json_t *v, const char *where,
                           struct schema_fault *ret)
{
    const char *key;
    json_t *member;
    const json_t *names = json_object_get(schema, "propertyNames");
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        json_t *name = json_string(key);
        bool ok = (!names || schema_check(names, name, where, ret)) &&
                  schema_member(schema, key, member, where, ret);
        json_decref(name);
        if (!ok)
            return false;
    }
    return true;
}

static bool schema_required(const json_t *list, const json_t *v, const char *where,
                            struct schema_fault *ret)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_object_get(v, json_string_value(json_array_get(list, i))))
            return schema_fail(ret, where, "lacks", json_string_value(json_array_get(list, i)));
    return true;
}

static bool schema_items(const json_t *items, const json_t *v, const char *where,
                         struct schema_fault *ret)
{
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!schema_check(items, json_array_get(v, i), where, ret))
            return false;
    return true;
}

/* One keyword; false with the reason. */
static bool schema_keyword(const json_t *schema, const char *key, const json_t *rule,
                           const json_t *v, const char *where, struct schema_fault *ret)
{
    static const char *const notes[] = {"$schema", "$id",     "title", "description",
                                        "format",  "pattern", "anyOf"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        if (strcmp(key, notes[i]) == 0)
            return true;
    json_int_t n = json_integer_value(rule);
    if (strcmp(key, "properties") == 0 || strcmp(key, "propertyNames") == 0)
        return true; /* with additionalProperties */
    if (strcmp(key, "additionalProperties") == 0)
        return schema_members(schema, v, where, ret);
    if (strcmp(key, "required") == 0)
        return schema_required(rule, v, where, ret);
    if (strcmp(key, "items") == 0)
        return schema_items(rule, v, where, ret);
    bool ok = strcmp(key, "type") == 0            ? schema_type(json_string_value(rule), v)
              : strcmp(key, "const") == 0         ? json_equal(rule, v)
              : strcmp(key, "enum") == 0          ? schema_listed(rule, v)
              : strcmp(key, "minLength") == 0     ? (json_int_t)json_string_length(v) >= n
              : strcmp(key, "minimum") == 0       ? json_integer_value(v) >= n
              : strcmp(key, "maximum") == 0       ? json_integer_value(v) <= n
              : strcmp(key, "minItems") == 0      ? (json_int_t)json_array_size(v) >= n
              : strcmp(key, "minProperties") == 0 ? (json_int_t)json_object_size(v) >= n
              : strcmp(key, "uniqueItems") == 0   ? schema_unique(v)
                                                  : false;
    return ok || schema_fail(ret, where, "breaks", key);
}

static bool schema_check(const json_t *schema, const json_t *v, const char *where,
                         struct schema_fault *ret)
{
    const char *key;
    json_t *rule;
    json_object_foreach((json_t *)(uintptr_t)schema, key, rule)
    {
        if (!schema_keyword(schema, key, rule, v, where, ret))
            return false;
    }
    return true;
}

#endif
