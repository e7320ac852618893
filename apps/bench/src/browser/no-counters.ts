/** Stands for mitata's counters of the processor, which it looks for outside of pages only. */
export {}
