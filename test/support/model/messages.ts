import type { Data, Meaning } from './meaning.js';
import { optional, people, text } from './meaning.js';
import { compareText } from './values.js';

/** A message; one that names a recipient makes its conversation too, any other needs it. */
export function messageCreated(d: Data, at: string): Meaning {
  const [messageId, conversationId, sender] = [text(d, 'messageId'), text(d, 'conversationId'), text(d, 'senderId')];
  const recipient = optional(d, 'recipientId');
  const conversation = ['conversations', conversationId] as const;
  const message = {
    message_id: messageId,
    conversation_id: conversationId,
    sender_id: sender,
    recipient_id: recipient,
    content: d.content,
    attachments: attachments(optional(d, 'attachments')),
    created_at: at,
  };
  const makes = typeof recipient === 'string';
  const [a, b] = makes ? [sender, recipient].sort(compareText) : [];
  const meta = { conversation_id: conversationId, created_at: at };
  return {
    needs: [...people(sender, recipient), ...(makes ? [] : [conversation])],
    writes: [
      { ref: ['messages', messageId], first: message },
      {
        ref: conversation,
        first: makes ? { ...meta, participant_a: a, participant_b: b } : meta,
        latest: { last_message_at: at },
      },
    ],
  };
}

/** Attachments are described field by field: what else they carry is unknown, and not written. */
function attachments(list: unknown): unknown {
  if (!Array.isArray(list)) return null;
  const fields = ['id', 'type', 'url', 'thumbnailUrl'];
  return list.map((item: unknown) =>
    Object.fromEntries(Object.entries(item ?? {}).filter(([field, value]) => fields.includes(field) && value !== null)),
  );
}
