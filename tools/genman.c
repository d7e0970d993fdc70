/* SPDX-License-Identifier: Apache-2.0
 * Writes the man page: the prose below, and the options from their table. mdoc(7). */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>

static const char head[] =
    ".Dd November 24, 2026\n"
    ".Dt CMGPIPE 1\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm cmgpipe\n"
    ".Nd turn ConfigMgr logs into classified records\n"
    ".Sh SYNOPSIS\n"
    ".Nm\n"
    ".Op Ar option ...\n"
    ".Op Ar file ...\n"
    ".Nm\n"
    ".Fl f\n"
    ".Op Fl b Ar brokers Fl t Ar topic\n"
    ".Op Ar option ...\n"
    ".Ar file Ns | Ns Ar directory Ns | Ns Ar pattern ...\n"
    ".Nm\n"
    ".Cm report\n"
    ".Ar file Ns | Ns Ar directory ...\n"
    ".Nm\n"
    ".Cm explain\n"
    ".Ar code Ns | Ns Ar class Ns | Ns Ar remediation ...\n"
    ".Nm\n"
    ".Cm list\n"
    ".Cm decoders Ns | Ns Cm classes Ns | Ns Cm remediations Ns | Ns Cm fields Ns | Ns Cm codes\n"
    ".Op Fl -json\n"
    ".Nm\n"
    ".Cm check-config\n"
    ".Ar file\n"
    ".Nm\n"
    ".Cm check-output\n"
    ".Op Ar option ...\n"
    ".Nm\n"
    ".Cm compile\n"
    ".Ar file ...\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "reads logs of Microsoft Configuration Manager\n"
    ".Pq clients, site servers, management points, IIS\n"
    "and writes one record for each log record to standard output, or to a topic of Kafka\n"
    ".Pq Fl b , Fl t .\n"
    "A record that belongs to a known failure of the cloud management gateway carries the class of "
    "the\n"
    "failure, the remediation steps, and the incident that it is part of.\n"
    "Exactly one record of each incident has the role\n"
    ".Dq primary ;\n"
    "count and alert on those.\n"
    ".Pp\n"
    "Without a\n"
    ".Ar file ,\n"
    "or for\n"
    ".Sq - ,\n"
    "standard input is read.\n"
    "The format is detected line by line.\n"
    "Input in no known format becomes records, too: no byte is lost.\n"
    ".Pp\n"
    "With\n"
    ".Fl f\n"
    "files are followed as they grow and rotate, until\n"
    ".Dv SIGINT\n"
    "or\n"
    ".Dv SIGTERM ;\n"
    "what was taken is then confirmed\n"
    ".Pq Fl -timeout\n"
    "and remembered.\n"
    "A second signal ends the program at once.\n"
    ".Dv SIGHUP\n"
    "reloads the catalogues and looks for new files; a faulty catalogue leaves the old one in "
    "force.\n"
    "The checkpoint moves only over records that have arrived, so after a crash the rest comes "
    "again:\n"
    "each record at least once, a repeated one with the same\n"
    ".Va event.id .\n"
    "Without Kafka a record has arrived when it was written.\n"
    "A record that Kafka refuses for good goes to the dead-letter topic, or to the dead-letter "
    "file:\n"
    "it is safe, is counted, and does not change the exit status.\n"
    ".Pp\n"
    "The commands are:\n"
    ".Bl -tag -width Ds\n"
    ".It Cm report\n"
    "The failures, for people: what failed, how often and when, the evidence with file and line, "
    "the root\n"
    "cause, and what to do about it, most severe first.\n"
    "Of a directory the files\n"
    ".Pa *.log\n"
    "and\n"
    ".Pa *.lo_\n"
    "are read.\n"
    "Incidents that share class and message id or URL are told as one story.\n"
    ".It Cm explain\n"
    "What is known about an error code in any of its spellings\n"
    ".Pq Li 0x80072f8f , 12175 , -2147012721 , 403.7 ,\n"
    "a status text, an error class by name or rule id, a cause, or a remediation.\n"
    ".It Cm list\n"
    "What this build knows, as a table, or with\n"
    ".Fl -json\n"
    "as a JSON array.\n"
    ".It Cm check-config\n"
    "Reads a configuration file and names each fault in it.\n"
    ".It Cm check-output\n"
    "Asks the brokers for the topic, says in one line what they answered, and exits with 0 when "
    "records\n"
    "would arrive there and with 1 when not, or not within\n"
    ".Fl -timeout .\n"
    ".It Cm compile\n"
    "Writes the built-in catalogue with overlays to standard output, in the form that the Fluent "
    "Bit\n"
    "plugins load.\n"
    ".El\n"
    ".Pp\n"
    "A file that has the name of a command is read as\n"
    ".Pa ./report .\n"
    ".Pp\n"
    "The options are:\n"
    ".Bl -tag -width Ds\n";

static const char tail[] =
    ".El\n"
    ".Sh CONFIGURATION\n"
    "An option may be set on the command line, in the environment, or in a configuration file, and "
    "the first\n"
    "of these that sets it wins.\n"
    "Of an option that may be given several times, the stronger source replaces the\n"
    "whole list.\n"
    "A flag is turned off by\n"
    ".Fl -no- Ns Ar name .\n"
    ".Pp\n"
    "A configuration file holds lines of the form\n"
    ".Dl name = value\n"
    "with the long names of the options.\n"
    "A line that begins with\n"
    ".Sq #\n"
    "is a comment, and so is the rest of a line behind a blank and\n"
    ".Sq # .\n"
    "A value that needs either stands in double quotes, where\n"
    ".Sq \\e\\(dq\n"
    "is a quote and\n"
    ".Sq \\e\\e\n"
    "a backslash.\n"
    "A flag is\n"
    ".Cm yes\n"
    "or\n"
    ".Cm no .\n"
    ".Sh ENVIRONMENT\n"
    "In the environment the name of an option is written in capitals, with\n"
    ".Ev CMGPIPE_\n"
    "before it and underscores for hyphens:\n"
    ".Ev CMGPIPE_MAX_RECORD .\n"
    "Several values are separated by commas.\n"
    ".Bl -tag -width Ds\n"
    ".It Ev CMGPIPE_KAFKA_NAME\n"
    "A property of librdkafka, with underscores for full stops:\n"
    ".Ev CMGPIPE_KAFKA_SASL_PASSWORD .\n"
    "In a configuration file it is written\n"
    ".Li kafka.sasl.password = value .\n"
    ".It Ev XDG_STATE_HOME\n"
    "Where the state directory is.\n"
    ".It Ev COLUMNS\n"
    "Width of text for people when it does not go to a terminal.\n"
    ".It Ev NO_COLOR\n"
    "When it is set and not empty, text for people has no colour.\n"
    ".It Ev TZ\n"
    "The zone that\n"
    ".Fl -timezone Cm local\n"
    "stands for.\n"
    ".El\n"
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa $XDG_CONFIG_HOME/cmgpipe/cmgpipe.conf\n"
    "Configuration of a user;\n"
    ".Pa ~/.config/cmgpipe/cmgpipe.conf\n"
    "when the variable is not set.\n"
    ".It Pa /etc/cmgpipe/cmgpipe.conf\n"
    "Configuration of the machine, read when there is none of the user.\n"
    ".It Pa $XDG_STATE_HOME/cmgpipe/\n"
    "The state directory: checkpoints and dead letters;\n"
    ".Pa /var/lib/cmgpipe\n"
    "for root and\n"
    ".Pa ~/.local/state/cmgpipe\n"
    "for others when the variable is not set.\n"
    ".El\n"
    ".Sh EXIT STATUS\n"
    ".Bl -tag -width Ds\n"
    ".It 0\n"
    "All was read and written, and confirmed where that is asked for.\n"
    "Also when whoever reads the output went away, and after\n"
    ".Dv SIGINT\n"
    "or\n"
    ".Dv SIGTERM\n"
    "when everything taken so far was written.\n"
    ".It 1\n"
    "Something could not be read, written or confirmed, or a word means nothing to\n"
    ".Cm explain .\n"
    "The rest was done, and standard error says what was not.\n"
    ".It 2\n"
    "The command line, the environment, a configuration file or a catalogue is wrong.\n"
    ".It 3\n"
    "With\n"
    ".Fl -strict :\n"
    "some record was in no known format.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "What went wrong on a client, for a person:\n"
    ".Dl cmgpipe report C_Windows_CCM_Logs/\n"
    ".Pp\n"
    "One line for each failure, for a machine:\n"
    ".Dl cmgpipe --only primary *.log\n"
    ".Pp\n"
    "The most frequent failures of a folder:\n"
    ".Dl cmgpipe --only primary *.log | jq -r '.error.type' | sort | uniq -c | sort -rn\n"
    ".Pp\n"
    "Everything a machine logs, to Kafka, from where it stopped:\n"
    ".Dl cmgpipe -f -b broker:9092 -t logs-cmgpipe.cmg-default '/var/log/ccm/*.log'\n"
    ".Pp\n"
    "What does this number mean?\n"
    ".Dl cmgpipe explain 0x80072f8f\n"
    ".Sh SEE ALSO\n"
    ".Xr jq 1 ,\n"
    ".Xr kcat 1\n";

enum { LINE = 78 };

/* A backslash, and a full stop or an apostrophe that begins a line, mean something to roff. */
static void put_word(FILE *f, const char *word, size_t len, bool begins)
{
    if (begins && (word[0] == '.' || word[0] == '\''))
        fputs("\\&", f);
    for (size_t i = 0; i < len; i++)
        if (word[i] == '\\')
            fputs("\\e", f);
        else if (word[i] == '"')
            fputs("\\(dq", f);
        else
            fputc(word[i], f);
}

/* A sentence ends its line, so that roff gives it the space that it wants. */
static void put_text(FILE *f, const char *text)
{
    for (size_t column = 0; *text;) {
        size_t len = strcspn(text, " ");
        bool stop = len && text[len - 1] == '.';
        if (column && column + len >= LINE) {
            fputc('\n', f);
            column = 0;
        }
        if (column)
            fputc(' ', f);
        put_word(f, text, len, column == 0);
        column = stop ? 0 : column + len + 1;
        text += len + (text[len] == ' ');
        if (stop || !*text)
            fputc('\n', f);
    }
}

/* A hyphen of a name stays one: mdoc would make it the typographer's. */
static void put_name(FILE *f, const char *name)
{
    for (; *name; name++)
        if (*name == '-')
            fputs("\\-", f);
        else
            fputc(*name, f);
}

static void put_words(FILE *f, const char *words)
{
    fputs(" Cm", f);
    for (char before = ' '; *words; words++) {
        if (*words == '|') {
            fputs(" Ns | Ns Cm", f);
            before = ' ';
            continue;
        }
        if (before == ' ')
            fputc(' ', f);
        before = *words;
        fputc(*words, f);
    }
}

static void put_option(FILE *f, const struct cmg_opt_row *row)
{
    fputs(".It", f);
    if (row->letter)
        fprintf(f, " Fl %c ,", row->letter);
    fputs(" Fl \\-", f);
    put_name(f, row->name);
    if (row->kind == CMG_KIND_CHOICE)
        put_words(f, row->arg);
    else if (row->arg && cmg_opt_wants_value(row))
        fprintf(f, " Ar %s", row->arg);
    else if (row->arg)
        fprintf(f, " Ns Op = Ns Ar %s", row->arg);
    fputc('\n', f);
    put_text(f, row->help);
    if (row->value)
        fprintf(f, "The default is\n.Cm %s .\n", row->value);
}

static void put_page(FILE *f)
{
    fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Written by tools/genman.c from "
          "cli/options.def.\n",
          f);
    fputs(head, f);
    for (size_t i = 0; i < CMG_OPTS; i++)
        put_option(f, &cmg_opt_rows[i]);
    fputs(tail, f);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: genman FILE\n", stderr);
        return 2;
    }
    FILE *f = fopen(argv[1], "we");
    if (!f) {
        perror(argv[1]);
        return 1;
    }
    put_page(f);
    if (ferror(f) | fclose(f)) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
