"""``morphsep lora train-many`` as a job of a Ray cluster. Takes the same arguments:

``ray job submit --working-dir . -- python jobs/train_lora.py PAIRS.csv -o RESULTS.csv``

PAIRS has a row ``source,target,out`` for each adapter; all paths must be on a disk that every
worker can reach. Runs on the cluster that it is submitted to, unless ``--executor`` or
``--address`` say otherwise (``--executor local`` needs no Ray). The same command again does only
what is not done.
"""

import sys

from morphsep.cli import main

if __name__ == "__main__":
    # the defaults come first, so that what the user says afterwards wins
    defaults = ["--executor", "ray", "--address", "auto"]
    sys.argv[1:] = ["lora", "train-many", *defaults, *sys.argv[1:]]
    main()
