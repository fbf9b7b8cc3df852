/* Forced into the compilation of MQTTAsync.c, which itself stays byte for byte as released.
 * Paho searches three lists to their ends for every packet identifier; here it asks the table of identifiers in use (identifiers.c). */
#ifndef MQN_SEAMS_ASYNC_H
#define MQN_SEAMS_ASYNC_H
#include "seams_memory.h"
#define MQTTAsync_assignMsgId mqn_paho_assign_identifier
#endif
