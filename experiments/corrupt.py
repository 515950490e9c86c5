"""Makes a -C version of images, or a contact sheet: `selectax corrupt`, from the repository."""

import sys

from selectax.commands.corrupt import main

if __name__ == "__main__":
    sys.exit(main())
