"""Access: accounts, sessions, tokens, and the guards that know who asks. No handlers."""
