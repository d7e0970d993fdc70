/* SPDX-License-Identifier: Apache-2.0
 * --help, from the table of options. */
#include "cli/options.h"
#include "cli/term.h"

#include <stdio.h>

static const char usage[] =
    "cmgpipe reads ConfigMgr logs and writes classified records: every known failure with its\n"
    "class, its remediation and its incident.\n"
    "\n"
    "    cmgpipe CcmMessaging.log > records.jsonl\n"
    "    cmgpipe -f -b broker:9092 -t logs-cmgpipe.cmg-default C_Windows_CCM_Logs/\n"
    "    cmgpipe report C_Windows_CCM_Logs/\n"
    "    cmgpipe explain 0x80072f8f\n"
    "\n"
    "Usage:\n"
    "    cmgpipe [OPTIONS] [FILE...]           records on standard output; no FILE, or -: standard "
    "input\n"
    "    cmgpipe -f [OPTIONS] FILE|DIR|PATTERN...\n"
    "                                          records as they are written, from where it stopped\n"
    "    cmgpipe report FILE|DIR...            the failures, for people: what, when, where, why, "
    "what to do\n"
    "    cmgpipe explain CODE|CLASS|REM-ID...  what is known about a code, an error class or a "
    "remediation\n"
    "    cmgpipe list decoders|classes|remediations|fields|codes [--json]\n"
    "    cmgpipe check-config FILE             name each fault of a configuration file\n"
    "    cmgpipe check-output [OPTIONS]        do the brokers answer, and is the topic there?\n"
    "    cmgpipe compile FILE... > NAME.cat    the catalogue with overlays, for the Fluent Bit "
    "plugins\n";

static const char ending[] =
    "\n"
    "An option may also be set in the environment (--max-record: CMGPIPE_MAX_RECORD) or in a\n"
    "configuration file (max-record = 1M). The command line wins, then the environment, then the "
    "file.\n"
    "\n"
    "Exit status: 0 all written and confirmed; 1 something could not be read, written or "
    "confirmed;\n"
    "2 usage or configuration; "
    "3 --strict, and some record was in no known format.\n";

/* The first sentence. */
static cmg_str in_short(const char *help)
{
    cmg_str s = cmg_str_c(help);
    size_t stop = cmg_str_find(s, CMG_LIT(". "));
    if (stop == CMG_STR_NPOS)
        stop = s.len - (s.len && s.ptr[s.len - 1] == '.');
    return cmg_str_head(s, stop);
}

enum { TEXT_MAX = 400, TEXT_AT = 32 };

/* "  -o, --format ecs|text" */
static void put_names(char *out, size_t size, const struct cmg_opt_row *row)
{
    char letter[8] = "    ";
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    const char *arg = row->arg ? row->arg : "";
    const char *before = !row->arg                  ? ""
                         : cmg_opt_wants_value(row) ? " "
                                                    : "[=",
               *after = before[0] == '[' ? "]" : "";
    snprintf(out, size, "  %s--%s%s%s%s", letter, row->name, before, arg, after);
}

static void option(struct cmg_page *p, const struct cmg_opt_row *row)
{
    char left[2 * TEXT_AT + 40], names[2 * TEXT_AT + 40], text[TEXT_MAX];
    cmg_str help = in_short(row->help);
    put_names(names, sizeof names, row);
    snprintf(text, sizeof text, "%.*s%s%s%s", (int)help.len, help.ptr,
             row->value ? " (default: " : "", row->value ? row->value : "", row->value ? ")" : "");
    if (strlen(names) > TEXT_AT - 2) {
        cmg_page_add(p, names);
        cmg_page_add(p, "\n");
        names[0] = '\0';
    }
    snprintf(left, sizeof left, "%-*s", TEXT_AT, names);
    cmg_page_wrap(p, left, 0, cmg_str_c(text));
}

void cmg_help(struct cmg_page *p)
{
    cmg_page_add(p, usage);
    for (int category = 0; category < CMG_CATEGORIES; category++) {
        cmg_page_add(p, "\n");
        cmg_page_colour(p, CMG_BOLD, cmg_str_c(cmg_category_titles[category]));
        cmg_page_add(p, ":\n");
        for (size_t i = 0; i < CMG_OPTS; i++)
            if ((int)cmg_opt_rows[i].category == category)
                option(p, &cmg_opt_rows[i]);
    }
    cmg_page_add(p, ending);
}
