"""What morphsep's commands do with every track, stage by stage."""
