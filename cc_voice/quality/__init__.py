"""Quality: what is found in the words of a call. Pure: files, clocks and the store are the business of others."""
