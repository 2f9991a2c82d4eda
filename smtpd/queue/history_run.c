#include "smtpd/queue/history_run.h"

#include "lib/base/arena.h"

#include <stdio.h>
#include <stdlib.h>

struct line_place {
	uint64_t segment;
	size_t at;
};

/* ---- what is wanted ---- */

static void
lower(struct buf *to, struct str s)
{
	char *p = buf_reserve(to, s.n);
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20)
						      : s.p[i];
	to->n += s.n;
}

/* Inside a value no quote is bare, so what stands between bare quotes is a
   key or a whole value. */
struct history_run *
history_run_new(enum history_key key, struct str text)
{
	struct history_run *run = mem_alloc(sizeof *run);
	struct buf wanted = { 0 };
	buf_adds(&wanted, key == HISTORY_ID ? "\"id\":\"" : "<");
	log_json(&wanted, text);
	buf_adds(&wanted, key == HISTORY_ID ? "\"" : ">");
	run->any_case = key == HISTORY_PATH;
	if (run->any_case)
		lower(&run->wanted, buf_str(&wanted));
	else
		buf_add(&run->wanted, buf_str(&wanted));
	buf_free(&wanted);
	return run;
}

void
history_run_free(struct history_run *run)
{
	for (int i = 0; i < HISTORY_ROLLS; i++)
		map_free(&run->finds[i].names);
	buf_free(&run->wanted);
	buf_free(&run->refused);
	buf_free(&run->lines);
	free(run);
}

bool
history_run_ready(const struct history_run *run)
{
	return run->last || run->lines.n >= HISTORY_PIECE;
}

/* ---- a line ---- */

static bool
holds(const struct history_run *run, struct str line, struct buf *scratch)
{
	struct str wanted = buf_str(&run->wanted);
	if (run->any_case) {
		buf_clear(scratch);
		lower(scratch, line);
		line = buf_str(scratch);
	}
	return str_search(line, wanted) < line.n;
}

/* Its message's id; a line without one stands for itself. */
static struct str
name_of(struct str line, struct line_place place, char text[HISTORY_NAME])
{
	struct str key = STR(",\"id\":\"");
	size_t at = str_search(line, key);
	struct str id = str_from(line, at + key.n);
	id = str_sub(id, 0, str_find(id, '"'));
	if (at < line.n && !str_empty(id) && id.n < HISTORY_NAME)
		snprintf(text, HISTORY_NAME, "%.*s", STR_ARG(id));
	else
		snprintf(text, HISTORY_NAME, "@%llu:%zu",
		    (unsigned long long)place.segment, place.at);
	return str_of(text);
}

/* The oldest is forgotten when there are too many. */
static void
add_find(struct history_finds *finds, struct str name)
{
	struct history_find *find = &finds->ring[finds->count % HISTORY_FINDS];
	if (finds->count >= HISTORY_FINDS)
		map_remove(&finds->names, &find->node);
	snprintf(find->name, sizeof find->name, "%.*s", STR_ARG(name));
	map_add(&finds->names, &find->node, str_of(find->name));
	finds->count++;
}

static void
find_line(struct history_run *run, struct history_finds *finds, struct str line,
    struct line_place place, struct buf *scratch)
{
	char text[HISTORY_NAME];
	if (!holds(run, line, scratch))
		return;
	struct str name = name_of(line, place, text);
	if (!map_find(&finds->names, name))
		add_find(finds, name);
}

static void
add_line(struct buf *to, struct str line)
{
	buf_add(to, line);
	buf_addc(to, '\n');
}

/* Every line begins with its time, whose digits are in the order of time. */
static struct str
time_of(struct str line)
{
	return str_sub(
	    line, 0, sizeof "{\"time\":\"2026-11-20T14:20:03.117Z" - 1);
}

/* "" as line: all of them, as far as a piece goes. */
static void
tell_refused_before(struct history_run *run, struct str line)
{
	struct str rest = str_from(buf_str(&run->refused), run->refused_at);
	while (rest.n > 0) {
		struct str refused = str_cut(&rest, '\n');
		if (line.n > 0 ? str_cmp(time_of(refused), time_of(line)) >= 0
			       : history_run_ready(run))
			return;
		add_line(&run->lines, refused);
		run->refused_at = run->refused.n - rest.n;
	}
}

/* ---- a segment ---- */

static const struct {
	enum history_roll roll;
	bool tells;
} passes[] = {
	[HISTORY_FIND_MAIL] = { HISTORY_MAIL, false },
	[HISTORY_FIND_REFUSED] = { HISTORY_REFUSED, false },
	[HISTORY_TELL_REFUSED] = { HISTORY_REFUSED, true },
	[HISTORY_TELL_MAIL] = { HISTORY_MAIL, true },
};

static void
tell_line(struct history_run *run, const struct history_finds *finds,
    struct str line, struct line_place place)
{
	char text[HISTORY_NAME];
	if (!map_find(&finds->names, name_of(line, place, text)))
		return;
	if (run->pass == HISTORY_TELL_REFUSED) {
		add_line(&run->refused, line);
		return;
	}
	tell_refused_before(run, line);
	add_line(&run->lines, line);
}

/* Each line behind the first run->at octets; a last one that is torn is none.
   False: there is more, but the piece is full. */
static bool
walk(struct history_run *run, uint64_t segment, struct str all)
{
	struct history_finds *finds = &run->finds[passes[run->pass].roll];
	struct buf scratch = { 0 };
	struct str rest = str_from(all, run->at);
	while (str_has(rest, '\n') && !history_run_ready(run)) {
		struct line_place place = { segment, all.n - rest.n };
		struct str line = str_cut(&rest, '\n');
		if (passes[run->pass].tells)
			tell_line(run, finds, line, place);
		else
			find_line(run, finds, line, place, &scratch);
	}
	buf_free(&scratch);
	run->at = all.n - rest.n;
	return !str_has(rest, '\n');
}

/* What may follow when no segment is left. */
static void
next_pass(struct history_run *run)
{
	bool any = false;
	for (int i = 0; i < HISTORY_ROLLS; i++) {
		any |= run->finds[i].count > 0;
		run->more |= run->finds[i].count > HISTORY_FINDS;
	}
	run->last = run->pass == HISTORY_FIND_REFUSED && !any;
	run->pass++;
	run->segment = 0;
}

static void
tell_rest(struct history_run *run)
{
	tell_refused_before(run, STR(""));
	run->last = run->refused_at == run->refused.n;
}

static void
walk_segment(struct history_run *run, const struct history_files *files)
{
	struct buf bytes = { 0 };
	uint64_t segment = history_files_next(files, run->segment);
	if (segment == 0) {
		next_pass(run);
		return;
	}
	/* The one that was begun may be gone. */
	if (segment != run->segment)
		run->at = 0;
	run->segment = segment;
	if (!history_files_read(files, segment, &bytes) ||
	    walk(run, segment, buf_str(&bytes))) {
		run->segment++;
		run->at = 0;
	}
	buf_free(&bytes);
}

void
history_run_step(
    struct history_run *run, const struct history_files files[HISTORY_ROLLS])
{
	if (run->pass == HISTORY_TELL_REST)
		tell_rest(run);
	else
		walk_segment(run, &files[passes[run->pass].roll]);
}
