"""From options to a trained checkpoint: plan, loop, augmentation, report."""
