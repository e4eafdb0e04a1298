"""Every JSON example of rtms/README.md, verbatim, by the section it stands in. `…` inside strings is the document's own.

Origin: Zoom's public documentation, state of November 2026, with ids of our own.
Webhooks and messages apart: they are decoded by different modules.
"""

WEBHOOKS = {
    "2.3 challenge": (
        '{"event":"endpoint.url_validation","event_ts":1790000000123,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw-demo"}}'
    ),
    "2.6 meeting started": """{"event":"meeting.rtms_started","event_ts":1790000000123,"payload":{
  "account_id":"acct_Demo01","meeting_id":"98765432101","meeting_uuid":"8b1cQ2mTSeOq7Zx0abcd12==",
  "operator_id":"usr_Demo77","is_original_host":true,
  "rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","server_urls":"wss://rtms-iad2.example.zoom.us/sig"}}""",
    "2.6 webinar stopped": """{"event":"webinar.rtms_stopped","event_ts":1790000600456,"payload":{
  "webinar_uuid":"Zk3wQ2mTSeOq7Zx0efgh34==","rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","stop_reason":6}}""",
    "2.6 session started": """{"event":"session.rtms_started","event_ts":1790000000123,"payload":{
  "account_id":"acct_Demo01","session_id":"q9PzVs0hQmKk1demo==","session_key":"order-4711",
  "rtms_stream_id":"77aa66bb55cc44dd33ee22ff11009988","server_urls":"wss://rtms-fra1.example.zoom.us/sig"}}""",
    "2.6 contact center started": """{"event":"contact_center.voice_rtms_started","event_ts":1790000000123,"payload":{
  "engagement_id":"ENGdemo_7Yw2kQ","rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  "server_urls":"wss://rtms-sjc1.example.zoom.us/sig"}}""",
    "2.6 contact center interrupted": """{"event":"contact_center.voice_rtms_interrupted","event_ts":1790000050000,"payload":{
  "engagement_id":"ENGdemo_7Yw2kQ","rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}}""",
    "2.6 near limit": """{"event":"rtms.concurrency_near_limit","event_ts":1790000000123,"payload":{
  "concurrency_limit":2000,"concurrency_number":1601,"percentage":80}}""",
    "2.6 limited": """{"event":"rtms.concurrency_limited","event_ts":1790000000123,"payload":{
  "operator_id":"usr_Demo77","concurrency_number":2001,"id_field":{"meeting_uuid":"8b1cQ2mTSeOq7Zx0abcd12=="}}}""",
}

MESSAGES = {
    "5.1": """{"msg_type":1,"protocol_version":1,"sequence":1,"engagement_id":"ENGdemo_7Yw2kQ",
 "rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","signature":"b2824714…","buffer_data":true}""",
    "5.2": """{"msg_type":2,"protocol_version":1,"sequence":1,"status_code":0,"reason":"",
 "media_server":{"server_urls":{"audio":"wss://m1.example.zoom.us/a","transcript":"wss://m1.example.zoom.us/t",
                                "all":"wss://m1.example.zoom.us/x"}}}""",
    "5.3": (
        '{"msg_type":5,"events":[{"event_type":2,"subscribe":true},{"event_type":3,"subscribe":true},'
        '{"event_type":4,"subscribe":true}]}'
    ),
    "5.4": """{"msg_type":6,"event":{"event_type":3,"timestamp":1790000001500,
  "participants":[{"user_id":16778240,"user_name":"Dana Ruiz"},{"user_id":16779264,"user_name":"Lee Park"}]}}""",
    "5.5": """{"msg_type":6,"event":{"event_type":10,"event_ts":1790000003210,
  "participant_info":{"channel_id":"ch-b2","participant_mode":"callee","queue_id":"Q_demo_01","queue_name":"Support EN",
    "account_id":"acct_Demo01","division_id":"div-7","user_id":"usr_42","display_name":"Sam Ode"}}}""",
    "5.6": '{"msg_type":7,"rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}',
    "5.7 update": '{"msg_type":8,"state":1,"reason":0,"timestamp":1790000002000}',
    "5.7 request": '{"msg_type":19,"rtms_stream_id":"0f1e…"}',
    "5.7 response": '{"msg_type":20,"rtms_stream_id":"0f1e…","state":1,"timestamp":1790000002500}',
    "5.8 started": '{"msg_type":9,"rtms_session_id":"s-55","state":2,"timestamp":1790000001000}',
    "5.8 stopped": '{"msg_type":9,"rtms_session_id":"s-55","state":5,"stop_reason":2,"timestamp":1790000900000}',
    "5.8 request": '{"msg_type":10,"rtms_session_id":"s-55"}',
    "5.8 response": '{"msg_type":11,"rtms_session_id":"s-55","state":2,"timestamp":1790000001200}',
    "5.9 request": '{"msg_type":21,"rtms_stream_id":"0f1e…"}',
    "5.9 response": '{"msg_type":22,"rtms_stream_id":"0f1e…","status_code":0,"reason":"OK","timestamp":1790000999000}',
    "5.10 request": '{"msg_type":28,"user_id":16778240,"subscribe":true,"timestamp":1790000005000}',
    "5.10 response": '{"msg_type":29,"user_id":16778240,"status_code":0,"reason":"OK","timestamp":1790000005040}',
    "6.1": """{"msg_type":3,"protocol_version":1,"sequence":1,"engagement_id":"ENGdemo_7Yw2kQ",
 "rtms_stream_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","signature":"b2824714…","media_type":1,
 "payload_encryption":false,
 "media_params":{"audio":{"content_type":2,"sample_rate":1,"channel":1,"codec":1,"data_opt":2,"send_rate":20}}}""",
    "6.3": """{"msg_type":4,"protocol_version":1,"sequence":1,"status_code":0,"reason":"","payload_encrypted":false,
 "media_params":{"audio":{"content_type":2,"sample_rate":1,"channel":1,"codec":1,"data_opt":2,"send_rate":20},
                 "transcript":{"content_type":5,"src_language":9,"enable_lid":true}}}""",
    "6.4 channel": (
        '{"msg_type":14,"content":{"channel_id":"ch-a1","data":"Hw1kDacNAA4sDkMO","length":12,"timestamp":1790000003240}}'
    ),
    "6.4 transcript": """{"msg_type":17,"content":{"channel_id":"ch-b2","start_time":1790000010100,"end_time":1790000012350,
  "timestamp":1790000010100,"language":28,"attribute":1,"data":"Buenos días, ¿en qué puedo ayudarle?"}}""",
    "6.4 chat": """{"msg_type":18,"content":{"timestamp":1790000020000,"data":"Link is in the wiki",
  "chat_session":{"type":3,"id":"grp-9"},"operation_type":1,"message_id":"m-1","parent_message_id":null,
  "sender":{"user_id":16778240,"user_name":"Dana Ruiz"},"receiver":null,
  "files":[{"file_id":"f1","file_name":"notes.pdf","file_size":34567}],"delete_file_id_list":[]}}""",
    "8.1 request": '{"msg_type":12,"timestamp":1790000030000}',
    "8.1 response": '{"msg_type":13,"timestamp":1790000030000}',
}
USER_AUDIO = (
    '{"msg_type":14,"content":{"user_id":16778240,"user_name":"Dana Ruiz","data":"…","length":640,"timestamp":1790000003240}}'
)
"""6.4 too; its data stands for base64 and is none: tests put real one there."""
