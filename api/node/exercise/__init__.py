"""Exercises (DIỄN TẬP): an attack written by this project, played through real sensors on loopback, and checked."""
