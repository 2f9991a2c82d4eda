/* Every dialog again, the connection cut behind each of the script's bytes
   and behind each answer of the owner.  Whatever it is cut off from, the
   tested end says so to its owner once and leaves nothing behind (ASan and
   LSan look). */
#include "tests/unit/dialog_tests.h"

enum {
	MANY_BYTES = 4000, /* beyond, cuts are made at steps */
	TLS_CUTS = 8, /* a handshake takes its time */
};

static int64_t
stride(const struct dialog *dialog, bool tls)
{
	int64_t said = (int64_t)dialog->said;
	if (tls)
		return said / TLS_CUTS + 1;
	return said > MANY_BYTES ? said / MANY_BYTES + 1 : 1;
}

static void
cut_bytes(const struct dialog *dialog, bool tls, bool later)
{
	struct play play = {
		.tls = tls, .later = later, .cut_answers = NO_CUT
	};
	int64_t step = stride(dialog, tls);
	for (; play.cut <= (int64_t)dialog->said; play.cut += step)
		dialog_play(dialog, &play, "cut bytes");
}

static void
cut_answers(const struct dialog *dialog, bool later)
{
	struct play play = {
		.later = later, .cut = NO_CUT, .cut_answers = NO_CUT
	};
	int64_t answers = dialog_play(dialog, &play, "no cut");
	for (play.cut_answers = 1; play.cut_answers <= answers;
	     play.cut_answers++)
		dialog_play(dialog, &play, "cut answers");
}

static void
test_dialog(const struct dialog *dialog)
{
	for (int later = 0; later < 2; later++) {
		cut_bytes(dialog, false, later);
		cut_bytes(dialog, true, later);
		cut_answers(dialog, later);
	}
}

int
main(int argc, char **argv)
{
	return dialog_tests(argc, argv, "cuts", test_dialog);
}
