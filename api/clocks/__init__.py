"""Legal deadlines on incidents and by the calendar: rules as data, clocks made by them, reminders."""
