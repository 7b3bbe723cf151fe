# Timetable
timetable-room = room { $room }
timetable-stands-in = { $substitute } stands in for { $usual }
timetable-modified = Changed lesson
timetable-exceptional = Extra lesson
