// Collector "goroutines": those of a Go program, from its memory, without its help. Raw form: raw/goroutines.txt, lines
// of fields separated by tabs, since there may be hundreds of thousands:
//
//	go	VERSION	LAYOUT
//	list	LISTED	ENDED	LEFT OUT	WHY
//	frame	PC	FUNCTION	FILE	LINE	INLINED (0 or 1)      numbered from 0
//	stack	whole|cut	FRAME FRAME …                             numbered from 0, innermost first
//	g	ID	STATE	WAITING (ns, -1 = not known)	CREATOR	STACK	TID	user|system NOTE    CREATOR,
// STACK: -1 = none
//	channel	ID	ADDRESS	ELEMENT BYTES	OTHERS    behind the goroutine that waits for just this one; others:
// goroutines that wait for it too, or whose stacks have its address
#pragma once

#include <string>
#include <string_view>

#include "collector/collectors/collector.h"

namespace ec {

void gather_goroutines(GatherContext& context);
void parse_goroutines(const RawStore& store, Snapshot& snapshot);

// The text of raw/goroutines.txt, and back. Errors: malformed with the line.
std::string goroutines_text(const RuntimeGoroutines& goroutines);
Result<RuntimeGoroutines> parse_goroutines_text(std::string_view where, std::string_view text);

// A running goroutine has its thread's stack, which was read a moment earlier.
void add_running_stacks(const Stacks& stacks, RuntimeGoroutines& goroutines);

}  // namespace ec
