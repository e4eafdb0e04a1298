"""`python -m cc_voice` is the same command as `cc-voice`."""

from cc_voice.cli import main

if __name__ == "__main__":
    main()
