# Which fakes (tests/fakes/NAME.c) a unit test is linked with, before the real modules.
test_resolver.fakes = clock
test_log.fakes = clock
test_dialogs.fakes = loop
test_cuts.fakes = loop
test_smtp_server.fakes = loop
test_smtp_client.fakes = loop
test_sign.fakes = loop
test_keygen.fakes = clock
test_route.fakes = clock loop resolver
test_backoff.fakes = clock
test_feed.fakes = clock loop jobs peers story
test_settle.fakes = clock loop resolver jobs queue directory maildir peers story
test_bounce.fakes = clock loop resolver jobs queue directory maildir peers story
test_dispatch.fakes = clock loop resolver jobs queue directory maildir peers story
test_schedule.fakes = clock
test_ids.fakes = clock
