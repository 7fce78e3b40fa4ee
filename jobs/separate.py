"""``morphsep separate`` as a job of a Ray cluster. Takes the same arguments:

``ray job submit --working-dir . -- python jobs/separate.py s3://B/in -o s3://B/out``

Runs on the cluster that it is submitted to, unless ``--executor`` or ``--address`` say otherwise.
"""

import sys

from morphsep.cli import main

if __name__ == "__main__":
    # the defaults come first, so that what the user says afterwards wins
    sys.argv[1:] = ["separate", "--executor", "ray", "--address", "auto", *sys.argv[1:]]
    main()
