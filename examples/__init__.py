"""Programs that others may start from; nothing of Bincheck itself needs them."""
