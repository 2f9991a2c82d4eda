"""Reads a delivery status notification as any mail program would, and prints what it found, one field per line."""
import email
import email.policy
import sys

message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.SMTP)


def fields(name, part):
    for key, value in part.items():
        print(f"{name} {key}: {value}")


def defects(part):
    for defect in part.defects:
        print("defect", repr(defect))
    if part.is_multipart():
        for child in part.get_payload():
            defects(child)


defects(message)
fields("header", message)
text, status, original = message.iter_parts()
print("types", message.get_content_type(), message.get_param("report-type"), *(p.get_content_type() for p in message.iter_parts()))
print("text", repr(text.get_content().splitlines()[0]))
for i, block in enumerate(status.get_payload()):
    fields(f"status[{i}]", block)
print("section", original.get_payload(decode=True))
