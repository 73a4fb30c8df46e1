"""The record: checking that it is whole, keeping its heads elsewhere, taking it out."""
