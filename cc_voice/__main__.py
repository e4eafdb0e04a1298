"""`python -m cc_voice` is the same command as `cc-voice`."""

from cc_voice.commands.main import main

if __name__ == "__main__":
    main()
