"""The demo: two campaigns, thirty simulated workers, two days and the night between, through Telegram's protocol."""
