/* Reads the JSON of test/vectors. A tree of nodes; nothing is ever written back. */
#ifndef MQN_TEST_JSON_H
#define MQN_TEST_JSON_H

typedef enum {
  MQN_JSON_NULL, MQN_JSON_FALSE, MQN_JSON_TRUE, MQN_JSON_NUMBER, MQN_JSON_STRING, MQN_JSON_ARRAY, MQN_JSON_OBJECT
} mqn_json_kind;

typedef struct mqn_json {
  mqn_json_kind kind;
  char* key;               /* of an object's member */
  char* text;              /* STRING */
  double number;           /* NUMBER */
  struct mqn_json *first;  /* ARRAY, OBJECT */
  struct mqn_json *next;   /* in the same array or object */
} mqn_json;

mqn_json* mqn_json_load(const char* path);   /* ends the program with a message when the file cannot be read as JSON */
void mqn_json_free(mqn_json* node);
const mqn_json* mqn_json_get(const mqn_json* object, const char* key);   /* NULL: not there */
double mqn_json_number(const mqn_json* object, const char* key, double otherwise);
int mqn_json_boolean(const mqn_json* object, const char* key, int otherwise);
const char* mqn_json_text(const mqn_json* object, const char* key);      /* NULL: not there */
#endif
