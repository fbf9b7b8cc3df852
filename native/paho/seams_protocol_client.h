/* Forced into the compilation of MQTTProtocolClient.c, which itself stays byte for byte as released. */
#ifndef MQN_SEAMS_PROTOCOL_CLIENT_H
#define MQN_SEAMS_PROTOCOL_CLIENT_H
#include <stddef.h>
#include "seams_memory.h"
#include "LinkedList.h"
/* state.publications lists every publication in flight in the process; it is appended to and removed from (:281, :310, :413, :629), and never
 * read: each removal is a search. */
ListElement* mqn_paho_list_append(List* list, void* content, size_t size);
int mqn_paho_list_remove(List* list, void* content);
#define ListAppend mqn_paho_list_append
#define ListRemove mqn_paho_list_remove
/* Each PUBLISH of QoS 2 is looked for among all exchanges under way, Receive Maximum of them (:386); the guard knows whether it is one of them */
ListElement* mqn_paho_list_find(List* list, void* content, int (*compare)(void*, void*));
#define ListFindItem mqn_paho_list_find
/* Each message's payload is printed for a log that nobody reads (:341) */
#define MQTTPacket_formatPayload mqn_paho_format_payload
/* acknowledgements leave when the application is done with the message, see acks.c */
#define MQTTPacket_send_puback mqn_paho_send_puback
#define MQTTPacket_send_pubrec mqn_paho_send_pubrec
#define MQTTPacket_send_pubcomp mqn_paho_send_pubcomp
#define MQTTPacket_send_pubrel mqn_paho_send_pubrel     /* their order is part of the session, see session.c */
#endif
