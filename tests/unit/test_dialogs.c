/* Every dialog of tests/dialogs, plain and over TLS, with answers at once and
   later, and with the script's bytes one by one. */
#include "tests/unit/dialog_tests.h"

static void
test_dialog(const struct dialog *dialog)
{
	static const struct {
		const char *name;
		struct play play;
	} ways[] = {
		{ "plain", { false, false, false, NO_CUT, NO_CUT } },
		{ "plain, later", { false, true, false, NO_CUT, NO_CUT } },
		{ "plain, bytes", { false, false, true, NO_CUT, NO_CUT } },
		{ "TLS", { true, false, false, NO_CUT, NO_CUT } },
		{ "TLS, later", { true, true, false, NO_CUT, NO_CUT } },
	};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		dialog_play(dialog, &ways[i].play, ways[i].name);
}

int
main(int argc, char **argv)
{
	return dialog_tests(argc, argv, "dialogs", test_dialog);
}
